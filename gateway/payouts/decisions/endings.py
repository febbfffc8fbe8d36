"""What the operator decides about a payout: to cancel it, to try it again, to say how it ended."""

from dataclasses import replace
from functools import partial

from gateway.errors import Conflict, Invalid, NotFound, Unavailable
from gateway.payouts.claims import lock_payout
from gateway.payouts.follow_up import is_overdue
from gateway.payouts.outcomes import cancel_unsent, fail, succeed
from gateway.payouts.payers import PayingNodes
from gateway.ports.clock import Clock
from gateway.ports.payer import PaymentReport, PaymentState
from gateway.ports.store import Store, Tx
from gateway.rows.payouts import Payout, PayoutState, Try, TryState

LONGEST_NOTE = 500


class PayoutDecisions:
    """Each is one guarded transaction, and none moves money that a node may still move."""

    def __init__(self, nodes: PayingNodes, store: Store, clock: Clock) -> None:
        self._nodes, self._store, self._clock = nodes, store, clock

    async def cancel(self, payout_id: str) -> Payout:
        """Cancel a payout of which nothing has been sent; its money goes back.

        Raises `NotFound` (`payout_not_found`) and `Conflict` (`payout_dispatched`, `payout_ended`).
        """
        return await self._store.write(partial(_cancel, payout_id=payout_id, now=int(self._clock())))

    async def try_again(self, payout_id: str) -> Payout:
        """Try a payout that needs a decision once more, soon.

        Raises `NotFound` (`payout_not_found`) and `Conflict` (`payout_not_waiting`).
        """
        return await self._store.write(partial(_try_again, payout_id=payout_id, now=int(self._clock())))

    async def resolve(self, payout_id: str, *, is_paid: bool, note: str, fee_msat: int | None = None) -> Payout:
        """End a dispatched try of which the node knows nothing, once its invoice has expired.

        The node is asked first: what it knows to be paid is booked so, whatever is said here, and what it has under way
        ends by itself; a payment that failed for a reason that we do not know may be resolved. Only a node that is no
        longer configured is not asked. Paid without a known fee counts the whole fee limit.

        Raises `NotFound` (`payout_not_found`), `Invalid` (`note_missing`, `fee_invalid`), `Conflict`
        (`payout_not_dispatched`, `payout_may_still_end`, `payout_changed`), `Unavailable` (`payer_silent`).
        """
        if not note.strip() or len(note) > LONGEST_NOTE:
            raise Invalid("note_missing", f"Say in a note of at most {LONGEST_NOTE} characters how you know.")
        now = int(self._clock())
        try_ = await self._store.read(partial(_overdue_try, payout_id=payout_id, now=now))
        assert try_.payment_hash is not None, "a dispatched try has a hash"
        report = await self._nodes.report(try_.node_id or "", try_.payment_hash)
        if report is not None and report.state is PaymentState.SUCCEEDED:
            work = partial(_succeed, try_=try_, fee_msat=report.fee_msat or 0, note=None, now=now)
        elif report is not None and not _is_resolvable(report):
            raise _not_yet(try_, report)
        elif is_paid:
            work = partial(_succeed, try_=try_, fee_msat=_fee_of(try_, fee_msat), note=note.strip(), now=now)
        else:
            work = partial(_give_back, try_=try_, note=note.strip(), now=now)
        return await self._store.write(work)


def _payout(tx: Tx, payout_id: str) -> Payout:
    return _found(lock_payout(tx, payout_id), payout_id)


def _found(payout: Payout | None, payout_id: str) -> Payout:
    if payout is None:
        raise NotFound("payout_not_found", f"There is no payout {payout_id}; `tuppence payout list` lists them.")
    return payout


def _cancel(tx: Tx, *, payout_id: str, now: int) -> Payout:
    payout = _payout(tx, payout_id)
    if payout.ended_at is not None:
        raise Conflict("payout_ended", f"This payout has ended: {payout.state}.")
    if not cancel_unsent(tx, payout, now=now):
        raise Conflict("payout_dispatched", "It was sent to the node and can no longer be canceled; it ends by itself.")
    return _found(tx.payouts.get(payout_id), payout_id)


def _try_again(tx: Tx, *, payout_id: str, now: int) -> Payout:
    payout = _payout(tx, payout_id)
    if payout.state not in {PayoutState.NEEDS_DECISION, PayoutState.WAITING}:
        raise Conflict("payout_not_waiting", f"Only a payout that waits can be tried again; this is {payout.state}.")
    again = replace(payout, state=PayoutState.WAITING, next_try_at=now)
    tx.payouts.change(again, was=payout)
    return again


def _overdue_try(tx: Tx, *, payout_id: str, now: int) -> Try:
    """The dispatched try of a payout, whose invoice has expired."""
    _found(tx.payouts.get(payout_id), payout_id)
    try_ = next((try_ for try_ in tx.tries.of(payout_id) if try_.state is TryState.DISPATCHED), None)
    if try_ is None:
        raise Conflict("payout_not_dispatched", "Only a payout that was sent and has not ended can be resolved.")
    if not is_overdue(try_, now=now):
        raise Conflict("payout_may_still_end", "Its invoice has not expired, so the node may still pay it; wait.")
    return try_


def _is_resolvable(report: PaymentReport) -> bool:
    """Whether the node says nothing by which the try would end: it has no such payment, or a reason without a name."""
    return report.state is PaymentState.MISSING or (report.state is PaymentState.PENDING and bool(report.reason))


def _not_yet(try_: Try, report: PaymentReport) -> Conflict | Unavailable:
    """Why a try cannot be resolved of which its node may have to say more."""
    if report.state is PaymentState.UNKNOWN:
        return Unavailable(
            "payer_silent",
            f"{try_.node_id} was asked about this payment and did not say: {report.reason}. Ask again when it answers; "
            "if it is gone for good, remove its payout macaroon first.",
        )
    return Conflict("payout_may_still_end", f"Its node says that it is {report.state}: it ends by itself; wait.")


def _fee_of(try_: Try, fee_msat: int | None) -> int:
    fee_msat = try_.fee_limit_msat if fee_msat is None else fee_msat
    if not 0 <= fee_msat <= try_.fee_limit_msat:
        raise Invalid("fee_invalid", f"The fee was at most {try_.fee_limit_msat} msat.")
    return fee_msat


def _succeed(tx: Tx, *, try_: Try, fee_msat: int, note: str | None, now: int) -> Payout:
    if succeed(tx, try_, fee_msat=fee_msat, now=now, note=note) is None:
        raise _changed()
    return _found(tx.payouts.get(try_.payout_id), try_.payout_id)


def _give_back(tx: Tx, *, try_: Try, note: str, now: int) -> Payout:
    if not fail(tx, try_, TryState.FAILED, reason="resolved_unpaid", now=now, note=note):
        raise _changed()
    return _found(tx.payouts.get(try_.payout_id), try_.payout_id)


def _changed() -> Conflict:
    return Conflict("payout_changed", "It has changed since its node was asked; look at it again.")
