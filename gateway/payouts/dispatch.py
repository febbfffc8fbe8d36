"""Dispatches reserved tries: resolve, write `dispatched`, and only after that commit the one call that pays.

Nothing is sent that the books do not say is being sent; so whatever happens after the commit, the try stays open until
the node's word ends it.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import structlog

from gateway.books.payout_transfers import reserved_msat
from gateway.errors import Conflict, OutcomeUnknown, Refused, TuppenceError, Unavailable
from gateway.money import Msat
from gateway.payouts.amounts import FEES_AVERAGED, least_worth_sending
from gateway.payouts.claims import lock_payout
from gateway.payouts.destination_invoice import DestinationInvoices, Payable, require_new_hash
from gateway.payouts.destinations import require_current
from gateway.payouts.outcomes import book_paid, fail, is_invoice
from gateway.payouts.payers import PayingNodes
from gateway.payouts.reservations import require_unpaused
from gateway.ports.announcer import Announcer
from gateway.ports.clock import Clock
from gateway.ports.payer import Payer, PaymentReport, PaymentState
from gateway.ports.random_bytes import RandomBytes
from gateway.ports.store import Store, Tx
from gateway.rows.payouts import UNBOUND_ASKERS, Asker, Payout, Try, TryState
from gateway.supervise import finish

SEND_SECONDS = 60
"""How long a node looks for routes."""
FIRST_CHECK_SECONDS = 90
"""A dispatched try is followed up after this, by when its one call has ended or its process has."""
SENDER_BYTES = 16
LATEST_SECONDS = 60
"""A call that was held up for longer is not made: meanwhile others may have ended the try."""

log = structlog.get_logger()


class Dispatcher:
    """Sends the tries that are reserved, each once."""

    def __init__(
        self,
        nodes: PayingNodes,
        invoices: DestinationInvoices,
        store: Store,
        clock: Clock,
        random_bytes: RandomBytes,
        announcer: Announcer,
    ) -> None:
        self._nodes, self._invoices, self._store = nodes, invoices, store
        self._clock, self._random_bytes, self._announcer = clock, random_bytes, announcer

    async def dispatch(self, try_: Try) -> None:
        """Resolve a reserved try and send it, or release it. Raises `Unavailable` and `OutcomeUnknown` of the store."""
        payout = await self._store.read(lambda tx: tx.payouts.get(try_.payout_id))
        assert payout is not None, "a try belongs to a payout"
        try:
            payer, payable = await self._resolve(payout, try_)
        except (Refused, Unavailable) as refusal:
            await self._release(try_, refusal)
            return
        dispatched = await self._write_dispatched(try_, payer, payable)
        if dispatched is not None:
            await self._send(dispatched, payer)

    async def _resolve(self, payout: Payout, try_: Try) -> tuple[Payer, Payable]:
        """The node that will pay, and the invoice. Raises what forbids the payment."""
        payer = await self._nodes.able(reserved_msat(try_))
        least_msat = 0
        if payout.asked_by not in UNBOUND_ASKERS:
            least_msat = least_worth_sending(await self._store.read(partial(_paid_fees, payout=payout)))
        own_pubkeys = await self._nodes.own_pubkeys()
        payable = await self._invoices.ask(payout, payer, own_pubkeys, least_msat=least_msat)
        # The host took its time, and the address may lead to another node by now.
        await self._nodes.verified(payer.node_id)
        return payer, payable

    async def _release(self, try_: Try, refusal: TuppenceError) -> None:
        log.info("payout_released", payout_id=try_.payout_id, n=try_.n, code=refusal.code)
        work = partial(fail, try_=try_, state=TryState.RELEASED, reason=refusal.code, now=int(self._clock()))
        await self._store.write(work)

    async def _write_dispatched(self, try_: Try, payer: Payer, payable: Payable) -> Try | None:
        """The try as it was committed as dispatched by this call; None if it may not be sent by this call."""
        now = int(self._clock())
        dispatched = replace(
            try_,
            state=TryState.DISPATCHED,
            payment_request=payable.payment_request,
            payment_hash=payable.decoded.payment_hash,
            expires_at=payable.decoded.expires_at,
            node_id=payer.node_id,
            sender=self._random_bytes(SENDER_BYTES).hex(),
            sends=1,
            dispatched_at=now,
            check_at=now + FIRST_CHECK_SECONDS,
        )
        try:
            return await self._store.write(partial(_dispatch, try_=try_, dispatched=dispatched, now=now))
        except Conflict as refusal:
            await self._release(try_, refusal)
            return None
        except OutcomeUnknown:
            # The commit was not answered: what the row says decides. If it cannot be read, nothing is sent, and
            # whoever follows the try up asks the node.
            row = await self._store.read(lambda tx: tx.tries.get(try_.payout_id, try_.n))
            return row if row is not None and row.sender == dispatched.sender else None

    async def _send(self, try_: Try, payer: Payer) -> None:
        try:
            report = await send_invoice(payer, try_, noted_at=try_.dispatched_at or 0, now=self._clock())
        except Unavailable as refusal:
            # It is followed up as any other that is not known to have ended.
            log.warning("payout_not_sent", payout_id=try_.payout_id, n=try_.n, code=refusal.code)
            return
        await finish(self._conclude(try_, report))

    async def _conclude(self, try_: Try, report: PaymentReport) -> None:
        """Book the answer to the only call that was ever made for a try: its FAILED is final."""
        now = int(self._clock())
        if report.state is PaymentState.SUCCEEDED:
            await book_paid(self._store, self._announcer, try_, fee_msat=report.fee_msat, now=now)
        elif report.state is PaymentState.FAILED:
            await self._store.write(partial(_fail_or_keep, try_=try_, reason=report.reason, now=now))
            log.info("payout_failed", payout_id=try_.payout_id, n=try_.n, reason=report.reason)
        else:
            log.info("payout_pending", payout_id=try_.payout_id, n=try_.n, state=report.state.value)


async def send_invoice(payer: Payer, try_: Try, *, noted_at: int, now: float) -> PaymentReport:
    """The one call that pays, for a try that the books say is being sent, since `noted_at`.

    Raises `Unavailable` (`send_late`, and of the node).
    """
    if abs(now - noted_at) > LATEST_SECONDS:
        raise Unavailable("send_late", "This process stood still before the call to the node, which it did not make.")
    assert try_.payment_request is not None, "a dispatched try has an invoice"
    assert try_.payment_hash is not None, "and its hash"
    return await payer.send(
        try_.payment_request,
        payment_hash=try_.payment_hash,
        fee_limit_msat=try_.fee_limit_msat,
        timeout_seconds=SEND_SECONDS,
    )


def _paid_fees(tx: Tx, *, payout: Payout) -> Sequence[Msat]:
    return tx.tries.paid_fees(payout.source_account, payout.destination, limit=FEES_AVERAGED)


def _dispatch(tx: Tx, *, try_: Try, dispatched: Try, now: int) -> Try | None:
    """Mark a try as dispatched; None if it is reserved no longer.

    Raises `Conflict` (`payouts_paused`, `invoice_ours`, `invoice_used`, `destination_changed`) if it may not be sent.
    """
    assert dispatched.payment_hash is not None, "it is set above"
    # Counted, so that a copy of the books from before is known to be older.
    tx.payout_caps.lock([try_.source_account])
    require_unpaused(tx)
    payout = lock_payout(tx, try_.payout_id)
    assert payout is not None, "a try belongs to a payout"
    require_new_hash(tx, dispatched.payment_hash)
    require_current(tx, payout, now=now)
    return dispatched if tx.tries.change(dispatched, was=try_) else None


def _fail_or_keep(tx: Tx, *, try_: Try, reason: str, now: int) -> None:
    """Fail a try, unless its pasted invoice can still be sent: then it is followed up until the invoice expires."""
    payout = tx.payouts.get(try_.payout_id)
    assert payout is not None, "a try belongs to a payout"
    if is_invoice(payout.destination) and payout.asked_by is not Asker.PAYER and now < (try_.expires_at or 0):
        tx.tries.change(replace(try_, reason=reason), was=try_)
    else:
        fail(tx, try_, TryState.FAILED, reason=reason, now=now)
