"""Ends tries, each once: the guarded transactions that book what a node said, or give back what was not sent."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import structlog

from gateway.books.payout_transfers import give_back, pay
from gateway.money import Msat
from gateway.payouts.claims import claim_failed, claim_paid, lock_payout
from gateway.ports.announcer import Announcer
from gateway.ports.store import Store, Tx
from gateway.rows.payouts import OPEN_TRIES, RESTORED, Asker, Payout, PayoutState, Try, TryState
from gateway.supervise import finish

RETRY_AFTER_SECONDS: Sequence[int] = (3_600, 6 * 3_600, 24 * 3_600)
"""How long after its first, second and third try a payout is tried again; after the next it needs a decision."""
INVOICE_RETRY_SECONDS = 300
"""A pasted invoice that could not be sent is tried again so soon, as it expires."""
ENDS_A_PAYOUT = frozenset({"canceled", "destination_changed"})
ENDS_AN_INVOICE = frozenset(
    {
        "amount_differs",
        "invoice_expired",
        "invoice_invalid",
        "invoice_lasts_too_long",
        "invoice_ours",
        "invoice_used",
    }
)
"""Reasons for which a pasted invoice will never be paid."""

log = structlog.get_logger()


async def book_paid(store: Store, announcer: Announcer, try_: Try, *, fee_msat: int | None, now: int) -> None:
    """Book and announce that a node paid a try, unless that is booked. Raises `Unavailable` and `OutcomeUnknown`."""
    paid = await finish(store.write(partial(succeed, try_=try_, fee_msat=fee_msat or 0, now=now)))
    if paid is not None:
        log.info("payout_succeeded", payout_id=paid.payout_id, n=paid.n, fee_msat=paid.fee_msat)
        announcer.paid_out(paid)


def succeed(tx: Tx, try_: Try, *, fee_msat: int, now: int, note: str | None = None) -> Try | None:
    """Book that a try was paid; None if it had ended before. The creator pays the real fee, up to its limit."""
    payout = lock_payout(tx, try_.payout_id)
    assert payout is not None, "a try belongs to a payout"
    if fee_msat > try_.fee_limit_msat:
        log.error("payout_fee_above_limit", payout_id=try_.payout_id, fee_msat=fee_msat)
    fee_msat = min(max(0, fee_msat), try_.fee_limit_msat)
    ended = replace(
        try_, state=TryState.SUCCEEDED, fee_msat=Msat(fee_msat), ended_at=now, check_at=None, resolved_note=note
    )
    if not tx.tries.change(ended, was=try_):
        return None
    tx.ledger.post(pay(ended, fee_msat=fee_msat, now=now))
    tx.payouts.change(_ended(payout, PayoutState.SUCCEEDED, now=now), was=payout)
    if payout.asked_by is Asker.PAYER:
        claim_paid(tx, payout, now=now)
    return ended


def fail(tx: Tx, try_: Try, state: TryState, *, reason: str, now: int, note: str | None = None) -> bool:
    """Give back what a try reserved, as FAILED or RELEASED; False if it had ended before.

    The payout of a try that was restored from a backup needs a decision: a later try may have been paid since.
    """
    assert state in {TryState.FAILED, TryState.RELEASED}, "success is booked by `succeed`"
    payout = lock_payout(tx, try_.payout_id)
    assert payout is not None, "a try belongs to a payout"
    ended = replace(try_, state=state, reason=reason, ended_at=now, check_at=None, resolved_note=note)
    if not tx.tries.change(ended, was=try_):
        return False
    tx.ledger.post(give_back(ended, now=now))
    if RESTORED in {try_.reason, reason}:
        after = replace(payout, state=PayoutState.NEEDS_DECISION, next_try_at=None)
    else:
        after = after_failure(payout, ended, now=now)
    change_unpaid(tx, payout, after)
    return True


def cancel_unsent(tx: Tx, payout: Payout, *, now: int) -> bool:
    """Cancel a payout, which is locked, unless a try of it was sent: False then."""
    try_ = next((try_ for try_ in tx.tries.of(payout.payout_id) if try_.state in OPEN_TRIES), None)
    if try_ is not None:
        return try_.state is TryState.RESERVED and fail(tx, try_, TryState.RELEASED, reason="canceled", now=now)
    change_unpaid(tx, payout, _ended(payout, PayoutState.CANCELED, now=now))
    return True


def change_unpaid(tx: Tx, payout: Payout, after: Payout) -> None:
    """Replace a payout that was not paid, and is locked; a refund whose claim has ended so is offered again."""
    tx.payouts.change(after, was=payout)
    if payout.asked_by is Asker.PAYER and after.ended_at is not None:
        claim_failed(tx, payout)


def after_failure(payout: Payout, try_: Try, *, now: int) -> Payout:
    """The payout after a try that did not pay: retried later, left to the operator, or ended."""
    if payout.asked_by is Asker.PAYER or try_.reason in ENDS_A_PAYOUT:
        return _ended(payout, PayoutState.CANCELED, now=now)
    if is_invoice(payout.destination):
        is_expired = try_.expires_at is not None and now >= try_.expires_at
        if is_expired or try_.state is TryState.FAILED or try_.reason in ENDS_AN_INVOICE:
            return _ended(payout, PayoutState.CANCELED, now=now)
        return replace(payout, state=PayoutState.WAITING, next_try_at=now + INVOICE_RETRY_SECONDS)
    if try_.n >= len(RETRY_AFTER_SECONDS):
        return replace(payout, state=PayoutState.NEEDS_DECISION, next_try_at=None)
    return replace(payout, state=PayoutState.WAITING, next_try_at=now + RETRY_AFTER_SECONDS[try_.n])


def is_invoice(destination: str) -> bool:
    """Whether a destination is a pasted BOLT 11 invoice: an LNURL begins otherwise, and an address has an @."""
    lower = destination.lower()
    return lower.startswith("ln") and not lower.startswith("lnurl") and "@" not in lower


def _ended(payout: Payout, state: PayoutState, *, now: int) -> Payout:
    return replace(payout, state=state, next_try_at=None, ended_at=now)
