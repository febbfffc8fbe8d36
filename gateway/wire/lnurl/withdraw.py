"""What a payer's wallet is told that may take money: an amount, and whether it will come (LUD-03)."""

from msgspec import Struct

from gateway.money import Msat


class WithdrawRequest(Struct, frozen=True, kw_only=True, rename="camel"):
    """An offer to pay an invoice of the wallet; it is sent to `callback` with `k1`, the secret of the offer."""

    tag: str = "withdrawRequest"
    callback: str
    k1: str
    default_description: str
    min_withdrawable: Msat
    max_withdrawable: Msat


class Accepted(Struct, frozen=True):
    """The invoice will be paid, after this answer."""

    status: str = "OK"


class Failure(Struct, frozen=True):
    """An error, with what to do about it. Wallets show it if the HTTP status is 200."""

    reason: str
    status: str = "ERROR"
