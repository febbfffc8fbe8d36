"""Double-entry books: what a settlement owes to whom."""

from collections.abc import Sequence

from gateway.money import divide
from gateway.rows import Invoice, Share, Transfer

NODE_ACCOUNT = "node:lightning"
SHARE_CODE, TIP_CODE = "share", "tip"
CREATOR_PREFIX = "creator:"


def creator_account(creator: str) -> str:
    """The account of a creator's claim on the operator's node."""
    return CREATOR_PREFIX + creator


def transfers_of(invoice: Invoice, *, now: int) -> list[Transfer]:
    """One transfer per share of what was received; they sum to `paid_msat`, overpayment included.

    A share that rounds to nothing is no transfer; its `n` stays its place in the invoice's split.
    """
    assert invoice.paid_msat is not None, "only a settled invoice is booked"
    parts = divide(invoice.paid_msat, [share.weight for share in invoice.shares])
    return [
        Transfer(
            payment_hash=invoice.payment_hash,
            code=SHARE_CODE if invoice.tip_to is None else TIP_CODE,
            n=n,
            debit_account=NODE_ACCOUNT,
            credit_account=creator_account(share.creator),
            amount_msat=part,
            created_at=now,
        )
        for n, (share, part) in enumerate(zip(invoice.shares, parts, strict=True))
        if part > 0
    ]


def split(amount_msat: int, shares: Sequence[Share]) -> list[tuple[str, int]]:
    """(creator, msat) of an amount, as it would be booked."""
    parts = divide(amount_msat, [share.weight for share in shares])
    return [(share.creator, part) for share, part in zip(shares, parts, strict=True)]
