"""What is said to a wallet that takes money is spelled as LUD-03 has it, and has no other member."""

import msgspec

from gateway.money import Msat
from gateway.wire.lnurl.withdraw import Accepted, Failure, WithdrawRequest


def test_an_offer_and_its_ends_are_spelled_as_wallets_read_them() -> None:
    offer = WithdrawRequest(
        callback="https://pay.example/v1/refunds/claim",
        k1="00ff",
        default_description="Money back",
        min_withdrawable=Msat(5000),
        max_withdrawable=Msat(5000),
    )
    assert msgspec.to_builtins(offer) == {
        "tag": "withdrawRequest",
        "callback": "https://pay.example/v1/refunds/claim",
        "k1": "00ff",
        "defaultDescription": "Money back",
        "minWithdrawable": 5000,
        "maxWithdrawable": 5000,
    }
    assert msgspec.to_builtins(Accepted()) == {"status": "OK"}
    assert msgspec.to_builtins(Failure("expired")) == {"status": "ERROR", "reason": "expired"}
