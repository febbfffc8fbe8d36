"""The double-entry ledger: the accounts, and the transfers of a settlement."""

from collections.abc import Sequence

from gateway.money import Msat, divide
from gateway.rows import Invoice, Origin, Share, Transfer

FIRST_NODE_ACCOUNT = "node:lightning"
"""The account of all nodes until each had its own; what was booked then stays."""
SUSPENSE_ACCOUNT = "suspense"
SHARE_CODE, TIP_CODE, SUSPENSE_CODE = "share", "tip", "suspense"
OPERATOR_ACCOUNT = "operator"
"""What the operator took on: it may be negative."""
CREATOR_PREFIX, REFUND_PREFIX = "creator:", "refund:"


def creator_account(creator: str) -> str:
    """The account of what the operator's node owes a creator."""
    return CREATOR_PREFIX + creator


def node_account(node_id: str) -> str:
    """The account of what was received and paid at a node; it is what the node gained, negated."""
    return f"node:{node_id}"


def payout_account(payout_id: str) -> str:
    """The account of what is set aside for a payout while a try of it is open."""
    return f"payout:{payout_id}"


def refund_account(payment_hash: str) -> str:
    """The account of what is set aside for the refund of a payment."""
    return REFUND_PREFIX + payment_hash


def transfers_of(invoice: Invoice, *, now: int) -> list[Transfer]:
    """The transfers that book a settled invoice."""
    assert invoice.paid_msat is not None, "only a settled invoice is booked"
    credited = credits_of(invoice.paid_msat, invoice.shares, origin=invoice.origin, is_tip=invoice.tip_to is not None)
    return [
        Transfer(
            payment_hash=invoice.payment_hash,
            code=code,
            n=n,
            debit_account=node_account(invoice.node_id),
            credit_account=account,
            amount_msat=part,
            created_at=now,
        )
        for code, n, account, part in credited
    ]


def credits_of(
    paid_msat: int, shares: Sequence[Share], *, origin: Origin, is_tip: bool
) -> list[tuple[str, int, str, Msat]]:
    """Divide a received amount: (code, n, account, msat) of each share; they sum to `paid_msat`, overpayment included.

    A share that rounds to nothing is left out; `n` is the index in the invoice's split.
    """
    if origin is Origin.SUSPENSE:
        return [(SUSPENSE_CODE, 0, SUSPENSE_ACCOUNT, Msat(paid_msat))]
    code = TIP_CODE if is_tip else SHARE_CODE
    parts = divide(paid_msat, [share.weight for share in shares])
    return [
        (code, n, creator_account(share.creator), part)
        for n, (share, part) in enumerate(zip(shares, parts, strict=True))
        if part > 0
    ]


def split(amount_msat: int, shares: Sequence[Share]) -> list[tuple[str, int]]:
    """Divide an amount as it would be booked: (creator, msat) of each share."""
    parts = divide(amount_msat, [share.weight for share in shares])
    return [(share.creator, part) for share, part in zip(shares, parts, strict=True)]
