"""Claims of refunds: a claim is a payout from the refund's account to the payer, one at a time."""

from dataclasses import replace

from gateway.books.ledger import REFUND_PREFIX, refund_account
from gateway.errors import Conflict, NotFound
from gateway.money import divide
from gateway.ports.store import Tx
from gateway.rows import Transfer
from gateway.rows.payouts import Asker, Payout, Refund, RefundState

REFUND_CODE, RETURN_CODE = "refund", "return"
MOST_CLAIMS, CLAIMS_SECONDS = 10, 86_400
"""A payer may name so many destinations in a day: each costs rows, and requests to hosts of their choice."""


def lock_offered(tx: Tx, source_account: str, *, now: int) -> Refund:
    """The refund of an account, offered and locked.

    Raises `NotFound` (`refund_not_found`) and `Conflict` (`refund_claimed`, `refund_claiming`, `refund_expired`,
    `refund_claimed_often`).
    """
    refund = tx.refunds.lock(source_account.removeprefix(REFUND_PREFIX))
    if refund is None:
        raise refund_not_found()
    require_offered(refund, now=now)
    newest = tx.payouts.list(source_account=source_account, before=None, limit=MOST_CLAIMS)
    if len(newest) == MOST_CLAIMS and newest[-1].created_at > now - CLAIMS_SECONDS:
        raise Conflict("refund_claimed_often", "Too many claims of this refund have failed today; try again tomorrow.")
    return refund


def refund_not_found() -> NotFound:
    """The refusal where nothing is offered back."""
    return NotFound("refund_not_found", "There is no refund of this payment.")


def begin_claim(tx: Tx, refund: Refund, payout: Payout) -> None:
    """Let a payout claim its refund, which is locked, in the transaction that inserts it."""
    tx.refunds.change(replace(refund, state=RefundState.CLAIMING, payout_id=payout.payout_id), was=refund)


def lock_payout(tx: Tx, payout_id: str) -> Payout | None:
    """A payout, locked after the refund that it claims."""
    payout = tx.payouts.get(payout_id)
    if payout is not None and payout.asked_by is Asker.PAYER:
        tx.refunds.lock(_payment_hash(payout))
    return tx.payouts.lock(payout_id)


def claim_paid(tx: Tx, payout: Payout, *, now: int) -> None:
    """Note that a refund was paid by this claim; what is left of its fee limit goes back whence it came."""
    if _end_claim(tx, payout, RefundState.CLAIMED, ended_at=now):
        return_rest(tx, _payment_hash(payout), now=now)


def claim_failed(tx: Tx, payout: Payout) -> None:
    """Offer a refund again whose claim did not pay."""
    _end_claim(tx, payout, RefundState.OFFERED, ended_at=None)


def return_rest(tx: Tx, payment_hash: str, *, now: int) -> None:
    """Move what a refund's account still holds back to those who paid for it, in their proportion."""
    account = refund_account(payment_hash)
    covered = [transfer for transfer in tx.ledger.of_refund(payment_hash) if transfer.code == REFUND_CODE]
    parts = divide(tx.ledger.balance_msat(account), [transfer.amount_msat for transfer in covered])
    tx.ledger.post(
        [
            Transfer(
                refund_of=payment_hash,
                code=RETURN_CODE,
                n=transfer.n,
                debit_account=account,
                credit_account=transfer.debit_account,
                amount_msat=part,
                created_at=now,
            )
            for transfer, part in zip(covered, parts, strict=True)
            if part
        ]
    )


def require_offered(refund: Refund, *, now: int) -> None:
    """Raise `Conflict` (`refund_claimed`, `refund_claiming`, `refund_expired`) unless a refund can be claimed now."""
    if refund.state is RefundState.CLAIMED:
        raise Conflict("refund_claimed", "This refund was paid already.")
    if refund.state is RefundState.CLAIMING:
        raise Conflict("refund_claiming", "This refund is being paid just now; look again in a minute.")
    if refund.state is RefundState.RETURNED or now >= refund.expires_at:
        raise Conflict("refund_expired", "This refund was not claimed within a year; ask the creator.")


def _payment_hash(payout: Payout) -> str:
    return payout.source_account.removeprefix(REFUND_PREFIX)


def _end_claim(tx: Tx, payout: Payout, state: RefundState, *, ended_at: int | None) -> bool:
    refund = tx.refunds.lock(_payment_hash(payout))
    if refund is None or refund.state is not RefundState.CLAIMING or refund.payout_id != payout.payout_id:
        return False
    return tx.refunds.change(replace(refund, state=state, ended_at=ended_at), was=refund)
