"""Double-entry books: what a settlement owes to whom."""

from collections.abc import Sequence

from gateway.money import Msat, divide
from gateway.rows import Invoice, Origin, Share, Transfer

NODE_ACCOUNT = "node:lightning"
SUSPENSE_ACCOUNT = "suspense"
SHARE_CODE, TIP_CODE, SUSPENSE_CODE = "share", "tip", "suspense"
CREATOR_PREFIX = "creator:"


def creator_account(creator: str) -> str:
    """The account of a creator's claim on the operator's node."""
    return CREATOR_PREFIX + creator


def transfers_of(invoice: Invoice, *, now: int) -> list[Transfer]:
    """One transfer per share of what was received; they sum to `paid_msat`, overpayment included.

    A share that rounds to nothing is no transfer; its `n` stays its place in the invoice's split.
    """
    assert invoice.paid_msat is not None, "only a settled invoice is booked"
    if invoice.origin is Origin.SUSPENSE:
        return [_transfer(invoice, SUSPENSE_CODE, 0, SUSPENSE_ACCOUNT, invoice.paid_msat, now)]
    code = SHARE_CODE if invoice.tip_to is None else TIP_CODE
    parts = divide(invoice.paid_msat, [share.weight for share in invoice.shares])
    return [
        _transfer(invoice, code, n, creator_account(share.creator), part, now)
        for n, (share, part) in enumerate(zip(invoice.shares, parts, strict=True))
        if part > 0
    ]


def split(amount_msat: int, shares: Sequence[Share]) -> list[tuple[str, int]]:
    """(creator, msat) of an amount, as it would be booked."""
    parts = divide(amount_msat, [share.weight for share in shares])
    return [(share.creator, part) for share, part in zip(shares, parts, strict=True)]


def _transfer(invoice: Invoice, code: str, n: int, credit_account: str, amount_msat: Msat, now: int) -> Transfer:
    return Transfer(
        payment_hash=invoice.payment_hash,
        code=code,
        n=n,
        debit_account=NODE_ACCOUNT,
        credit_account=credit_account,
        amount_msat=amount_msat,
        created_at=now,
    )
