"""Everything that may happen to a gateway and its node, in any order, against a model of what was paid in and out.

`pytest tests/whole/test_state_machine.py --hypothesis-profile nightly` runs it for longer.
"""

import asyncio
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test

from gateway.books.retention import DAY_SECONDS, Purged, Purger
from gateway.errors import Refused
from gateway.money import Msat, divide
from gateway.ports.node import NodeState
from gateway.rows import ItemState, Share
from gateway.settlement.settle import Settler
from gateway.simulator.in_process_node import InProcessNode
from gateway.simulator.refusals import PaymentRefused
from gateway.store.engines.invariants import audit
from tests.support.announced import Announced
from tests.support.clock import turns
from tests.support.databases import in_a_thread
from tests.support.postgres_server import Cluster
from tests.support.properties.example_counts import example_count
from tests.support.properties.modelled_gateway import ITEMS, NOTHING_COMES_OF_IT, Sale, WriteFault
from tests.support.properties.payout_rules import PayoutRules
from tests.support.rows import ALICE_AND_BOB, NODE_ACCOUNT

SPLITS = (ALICE_AND_BOB, (Share(creator="bob", weight=1),), tuple(Share(creator=c, weight=1) for c in ("alice", "bob")))


class GatewayMachine(PayoutRules):
    """What readers, the network, the node and the gateway itself may do, besides paying out."""

    sales = PayoutRules.sales

    def teardown(self) -> None:
        self.core.state = NodeState.READY
        self.core.quirks.hide_paid_amount = False
        self.write_fault = WriteFault.NONE
        try:
            self.sweep()
            self.end_all_payouts()
            self.nothing_is_credited_that_was_not_paid()
        finally:
            super().teardown()

    # What is sold ----------------------------------------------------------------------------------------------------

    @rule(target=sales, item_id=st.sampled_from(ITEMS))
    def buy(self, item_id: str) -> Any:
        return self.sold(lambda: self.create(item_id))

    @rule(target=sales, item_id=st.sampled_from(ITEMS))
    def challenge(self, item_id: str) -> Any:
        return self.sold(lambda: self.create(item_id, challenged=True))

    @rule(target=sales, amount_sat=st.integers(1, 1_000_000))
    def tip(self, amount_sat: int) -> Any:
        terms = self.domain.tip("bob", amount_msat=amount_sat * 1_000, message="thank you")

        async def create() -> Sale:
            sold = await self.domain.create(terms)
            return Sale(sold.invoice, sold.token)

        return self.sold(create)

    @rule(item_id=st.sampled_from(ITEMS), times=st.integers(2, 4))
    def repeat_a_key(self, item_id: str, times: int) -> None:
        self.keys += 1
        key = f"{self.keys:022}"
        told: set[str] = set()
        for _ in range(times):
            with suppress(Refused, *NOTHING_COMES_OF_IT):
                sale = self.run(self.create(item_id, key=key))
                told.add(sale.invoice.payment_hash)
                self.known.setdefault(sale.invoice.payment_hash, sale)
        assert len(told) <= 1

    @precondition(lambda self: self.core.state is NodeState.READY)
    @rule(item_id=st.sampled_from(ITEMS))
    def lose_an_answer(self, item_id: str) -> None:
        """The node has an invoice that nobody has seen."""
        self.core.quirks.lose_answers = 1
        with suppress(Refused, *NOTHING_COMES_OF_IT):
            self.run(self.create(item_id))
        self.core.quirks.lose_answers = 0

    @rule(item_id=st.sampled_from(ITEMS), price_sat=st.integers(1, 5_000), shares=st.sampled_from(SPLITS))
    def change_the_item(self, item_id: str, price_sat: int, shares: tuple[Share, ...]) -> None:
        self.change(item_id, price_msat=Msat(price_sat * 1_000), shares=shares)

    @rule(item_id=st.sampled_from(ITEMS), state=st.sampled_from(ItemState))
    def archive_or_restore(self, item_id: str, state: ItemState) -> None:
        self.change(item_id, state=state)

    # What the network does -------------------------------------------------------------------------------------------

    @rule(sale=sales, more_msat=st.sampled_from([0, 0, 0, 1, 999, 1_000_000]))
    def pay(self, sale: Sale, more_msat: int) -> None:
        with suppress(PaymentRefused):
            self.take(sale, sale.invoice.amount_msat + more_msat)

    @rule(sale=sales, missing_msat=st.sampled_from([1, 999, 1_000]))
    def pay_too_little(self, sale: Sale, missing_msat: int) -> None:
        with suppress(PaymentRefused):
            amount_msat = max(1, sale.invoice.amount_msat - missing_msat)
            self.core.pay(bytes.fromhex(sale.invoice.payment_hash), amount_msat=amount_msat)
            msg = "a node took too little"
            raise AssertionError(msg)

    @rule(sale=sales, arrives=st.booleans(), late_seconds=st.sampled_from([0, 1, 119]))
    def pay_late(self, sale: Sale, arrives: bool, late_seconds: int) -> None:
        """A payment is under way when its invoice expires: it settles then, or fails."""
        payment_hash = bytes.fromhex(sale.invoice.payment_hash)
        self.core.start_payment(payment_hash)
        self.clock.now = max(self.clock.now, sale.invoice.expires_at + late_seconds)
        if arrives:
            self.pay(sale, more_msat=0)
        else:
            self.core.fail_payment(payment_hash)

    @rule(amount_msat=st.integers(1_000, 10**9))
    def pay_somebody_else(self, amount_msat: int) -> None:
        self.core.keysend(amount_msat)
        for is_amp in (True, False):
            row = self.core.add_invoice(preimage=b"", amount_msat=1_000, memo="", expiry_seconds=60, is_amp=is_amp)
            self.core.pay(row.payment_hash, amount_msat=amount_msat)

    @rule(held=st.booleans(), dropped=st.booleans(), twice=st.booleans())
    def disturb_the_stream(self, held: bool, dropped: bool, twice: bool) -> None:
        quirks = self.core.quirks
        quirks.hold_events, quirks.drop_events, quirks.duplicate_events = held, dropped, twice

    @rule(lags=st.booleans(), forgets=st.booleans())
    def change_what_becomes_of_expired_invoices(self, lags: bool, forgets: bool) -> None:
        self.core.quirks.watch_expiry, self.core.quirks.forget_canceled = not lags, forgets

    @rule(hides=st.booleans())
    def hide_amounts(self, hides: bool) -> None:
        self.core.quirks.hide_paid_amount = hides

    @rule(state=st.sampled_from([NodeState.READY, NodeState.READY, NodeState.ABSENT, NodeState.LOCKED]))
    def restart_the_node(self, state: NodeState) -> None:
        self.core.restart()
        self.core.state = state
        self.stream = None

    @rule(seconds=st.sampled_from([1, 4, 6, 90, 595, 605, 3_700]))
    def let_time_pass(self, seconds: int) -> None:
        self.clock.advance(seconds)

    # What the gateway does -------------------------------------------------------------------------------------------

    @rule()
    def subscribe(self) -> None:
        self.stream = self.core.subscribe(add_index=0, settle_index=0, wake=lambda: None)

    @precondition(lambda self: self.stream is not None)
    @rule(order=st.randoms(use_true_random=False), batch=st.integers(1, 6))
    def read_the_stream(self, order: Any, batch: int) -> None:
        assert self.stream is not None
        self.core.release_events(shuffled=True)
        node = self.domain.node
        assert isinstance(node, InProcessNode)
        reports = [node._translate(row) for row in iter(self.stream.take, None)]
        order.shuffle(reports)
        for start in range(0, len(reports), batch):
            self.try_(lambda some=reports[start : start + batch]: self.domain.settler.settle(some))  # type: ignore[misc]  # bound in the loop

    @rule(index=st.integers(0, 30), order=st.randoms(use_true_random=False), settlers=st.integers(1, 3))
    def replay(self, index: int, order: Any, settlers: int) -> None:
        """The node's backlog from any index, doubled and shuffled, told to several settlers at once."""
        stream = self.core.subscribe(add_index=index, settle_index=index, wake=lambda: None)
        self.core.unsubscribe(stream)
        node = self.domain.node
        assert isinstance(node, InProcessNode)
        reports = [node._translate(row) for row in iter(stream.take, None) for _ in range(2)]
        reports = [report for report in reports if report.payment_hash in self.known]
        order.shuffle(reports)
        others = [Settler(node, self.domain.store, self.clock, Announced()) for _ in range(settlers - 1)]

        async def settle() -> None:
            await asyncio.gather(*(settler.settle(reports) for settler in (self.domain.settler, *others)))

        self.try_(settle)

    @rule()
    def sweep_what_is_due(self) -> None:
        self.try_(lambda: self.domain.sweeper.sweep(due_only=True))

    @precondition(lambda self: self.core.state is NodeState.READY and not self.core.quirks.hide_paid_amount)
    @precondition(lambda self: self.write_fault is WriteFault.NONE)
    @rule()
    def sweep(self) -> None:
        """After a whole sweep, what the node has settled is what is credited, to the millisatoshi."""
        self.run(self.domain.sweeper.sweep())
        assert self.settled() == {key: sale.paid_msat for key, sale in self.known.items() if sale.paid_msat}

    @rule(sale=sales)
    def recheck(self, sale: Sale) -> None:
        self.try_(lambda: self.recheck_now(sale))

    @rule(sale=sales)
    def present_the_token(self, sale: Sale) -> None:
        was_settled = self.settled().get(sale.invoice.payment_hash)
        opened = self.opens(sale, None)
        ends_at = sale.settled_at + (sale.invoice.access_seconds or 10**9)
        is_in_time = self.clock.now < ends_at and not sale.is_refunded
        may_open = sale.paid_msat > 0 and is_in_time and sale.invoice.origin.value == "checkout"
        assert not opened or may_open
        assert opened or not (may_open and was_settled and sale.invoice.item_id)

    @rule(sale=sales)
    def present_the_preimage(self, sale: Sale) -> None:
        assert not self.opens(sale, b"\0" * 32)
        is_booked = self.write_fault is WriteFault.NONE or sale.invoice.payment_hash in self.settled()
        if is_booked and sale.preimage and sale.invoice.item_id and sale.invoice.access_seconds is None:
            assert self.opens(sale, bytes.fromhex(sale.preimage)) is not sale.is_refunded

    @rule(in_flight=st.booleans())
    def crash(self, in_flight: bool) -> None:
        """The process ends; a settlement that was under way is committed, or it is not."""
        if in_flight and self.core.state is NodeState.READY:
            task = self.loop.create_task(self.domain.sweeper.sweep())
            self.run(turns())
            task.cancel()
            self.run(asyncio.wait([task]))
        self.restart()

    @rule(days=st.sampled_from([0, 0, 1, 31, 91]), at_once=st.booleans())
    def purge(self, days: int, at_once: bool) -> None:
        """What is deleted is missed by nobody: the rules above go on as before."""

        async def leave_the_files(*, whole: bool) -> None:
            assert whole in {True, False}

        self.clock.advance(days * DAY_SECONDS)
        purger = Purger(self.domain.store, self.clock, leave_the_files, note_seconds=90 * DAY_SECONDS)
        self.try_(lambda: purger.purge(at_once=at_once))
        is_whole = at_once and self.write_fault is WriteFault.NONE
        assert not is_whole or self.run(purger.purge(at_once=True)) == Purged(unpaid=0, payment_requests=0, notes=0)

    @rule(fault=st.sampled_from([WriteFault.NONE, *WriteFault]))
    def let_writes_fail_or_succeed(self, fault: WriteFault) -> None:
        self.write_fault = fault

    # What always holds -----------------------------------------------------------------------------------------------

    @invariant()
    def the_books_are_in_order(self) -> None:
        findings = self.run(self.domain.store.read(lambda tx: audit(tx.creators._connection)))  # type: ignore[attr-defined]  # to look inside
        assert [finding.sentence for finding in findings if finding.broken] == []

    @invariant()
    def nothing_is_credited_that_was_not_paid(self) -> None:
        settled = self.settled()
        assert all(self.known[key].paid_msat == paid_msat for key, paid_msat in settled.items())
        expected: Counter[str] = Counter()
        for key, paid_msat in settled.items():
            shares = self.known[key].invoice.shares
            for share, part in zip(shares, divide(paid_msat, [share.weight for share in shares]), strict=True):
                expected[f"creator:{share.creator}"] += part
            expected[NODE_ACCOUNT] -= paid_msat
        self.expect_payouts(expected)
        assert {account: msat for account, msat in self.run(self.domain.balances()).items() if msat} == {
            account: msat for account, msat in expected.items() if msat
        }


# On PostgreSQL a transaction is dearer, and what it decides differently is found soon or never.
GatewayMachine.TestCase.settings = settings(max_examples=example_count(60, nightly=20_000))
TestGateway = GatewayMachine.TestCase


@pytest.mark.postgres
def test_the_same_on_postgresql(cluster: Cluster) -> None:
    class OnPostgres(GatewayMachine):
        def __init__(self) -> None:
            self.database_url = cluster.url(in_a_thread(cluster.emptied()))
            super().__init__()

    run_state_machine_as_test(OnPostgres, settings=settings(max_examples=example_count(12, nightly=1_000)))
