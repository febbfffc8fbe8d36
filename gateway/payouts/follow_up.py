"""Follows dispatched tries up whose one call has not ended them: asks the node, and sends again only the same invoice.

FAILED gives the money back only once the invoice has expired, too: until then another process, or LND itself, may
still send it. A payment that the node does not have is no failure either.
"""

from dataclasses import replace
from functools import partial

import structlog

from gateway.errors import OutcomeUnknown, Unavailable
from gateway.payouts.dispatch import SENDER_BYTES, send_invoice
from gateway.payouts.outcomes import book_paid, fail, is_invoice
from gateway.payouts.payers import PayingNodes
from gateway.ports.announcer import Announcer
from gateway.ports.clock import Clock
from gateway.ports.payer import Payer, PaymentReport, PaymentState
from gateway.ports.random_bytes import RandomBytes
from gateway.ports.store import Store, Tx
from gateway.rows.payouts import Try, TryState
from gateway.supervise import finish

SHORTEST_SECONDS, LONGEST_SECONDS = 5, 6 * 3_600
AFTER_EXPIRY_SECONDS = 60
"""Clocks differ: an invoice counts as expired a minute after it is."""

log = structlog.get_logger()


class FollowUp:
    """Ends dispatched tries by what their nodes say."""

    def __init__(
        self, nodes: PayingNodes, store: Store, clock: Clock, random_bytes: RandomBytes, announcer: Announcer
    ) -> None:
        self._nodes, self._store = nodes, store
        self._clock, self._random_bytes, self._announcer = clock, random_bytes, announcer

    async def follow(self, try_: Try) -> None:
        """Ask the node about a dispatched try. Raises `Unavailable` and `OutcomeUnknown` of the store."""
        assert try_.node_id is not None, "a dispatched try has a node"
        assert try_.payment_hash is not None, "and a payment hash"
        payer = self._nodes.find(try_.node_id)
        report = await self._nodes.report(try_.node_id, try_.payment_hash)
        if payer is None or report is None:
            log.error("payout_node_missing", payout_id=try_.payout_id, node_id=try_.node_id)
            await self._later(try_)
            return
        await self._conclude(try_, payer, report)

    async def _conclude(self, try_: Try, payer: Payer, report: PaymentReport) -> None:
        now = int(self._clock())
        is_expired = now >= _may_fail_at(try_)
        if report.state is PaymentState.SUCCEEDED:
            await book_paid(self._store, self._announcer, try_, fee_msat=report.fee_msat, now=now)
        elif report.state is PaymentState.FAILED and is_expired:
            work = partial(fail, try_=try_, state=TryState.FAILED, reason=report.reason, now=now)
            await finish(self._store.write(work))
        elif not is_expired and await self._may_send_again(try_, report):
            await self._send_again(try_, payer)
        else:
            if report.state is PaymentState.MISSING:
                # Only the operator can end it: `tuppence payout resolve`.
                log.error("payout_missing_at_node", payout_id=try_.payout_id, n=try_.n)
            await self._later(try_)

    async def _may_send_again(self, try_: Try, report: PaymentReport) -> bool:
        """Whether the same invoice may be sent once more: the node lacks it, or a pasted one failed."""
        if report.state is PaymentState.MISSING:
            return True
        payout = await self._store.read(lambda tx: tx.payouts.get(try_.payout_id))
        return report.state is PaymentState.FAILED and payout is not None and is_invoice(payout.destination)

    async def _send_again(self, try_: Try, payer: Payer) -> None:
        """Send the same invoice at the same node, after the books say so; LND pays a payment hash once."""
        try:
            await self._nodes.verified(payer.node_id)
        except Unavailable as refusal:
            log.warning("payout_not_sent", payout_id=try_.payout_id, n=try_.n, code=refusal.code)
            await self._later(try_)
            return
        noted_at = int(self._clock())
        sender = self._random_bytes(SENDER_BYTES).hex()
        again = replace(try_, sends=try_.sends + 1, sender=sender, check_at=self._next_check(try_))
        try:
            if not await self._store.write(partial(_note_sent_again, try_=try_, again=again)):
                return
        except OutcomeUnknown:
            row = await self._store.read(lambda tx: tx.tries.get(try_.payout_id, try_.n))
            if row is None or row.sender != sender:
                return
        log.warning("payout_sent_again", payout_id=try_.payout_id, n=try_.n, sends=again.sends)
        try:
            report = await send_invoice(payer, again, noted_at=noted_at, now=self._clock())
        except Unavailable as refusal:
            log.warning("payout_not_sent", payout_id=try_.payout_id, n=try_.n, code=refusal.code)
            return
        if report.state is PaymentState.SUCCEEDED:
            now = int(self._clock())
            await book_paid(self._store, self._announcer, again, fee_msat=report.fee_msat, now=now)

    async def _later(self, try_: Try) -> None:
        later = replace(try_, check_at=self._next_check(try_))
        await self._store.write(lambda tx: tx.tries.change(later, was=try_))

    def _next_check(self, try_: Try) -> int:
        """Ever more rarely: after a quarter of the time since it was dispatched, and once its invoice has expired."""
        now, may_fail_at = int(self._clock()), _may_fail_at(try_)
        age = now - (try_.dispatched_at or now)
        later = now + max(SHORTEST_SECONDS, min(age // 4, LONGEST_SECONDS))
        return min(later, may_fail_at) if now < may_fail_at else later


def _note_sent_again(tx: Tx, *, try_: Try, again: Try) -> bool:
    """Count one more call, unless payouts are paused or another process was faster; False then."""
    if tx.payout_pauses.lock() is not None:
        tx.tries.change(replace(try_, check_at=again.check_at), was=try_)
        return False
    return tx.tries.change(again, was=try_)


def is_overdue(try_: Try, *, now: int) -> bool:
    """Whether a dispatched try's invoice has expired without a word of its node that ends it."""
    return try_.state is TryState.DISPATCHED and now >= _may_fail_at(try_)


def _may_fail_at(try_: Try) -> int:
    """From when on its invoice counts as expired, so that a failure at the node is final."""
    return (try_.expires_at or 0) + AFTER_EXPIRY_SECONDS
