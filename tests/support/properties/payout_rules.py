"""What may happen to money that leaves a modelled gateway, in any order."""

import asyncio
from contextlib import suppress
from random import Random
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, multiple, precondition, rule

from gateway.catalog.api_keys import OPERATOR, Caller
from gateway.money import from_sat
from gateway.payouts.destinations import set_destination
from gateway.rows.payouts import Asker, RefundState, TryState
from tests.payouts.world import Commit, Gate, PayoutProcess, Steps, drawn_answer, drawn_plan
from tests.support.properties.modelled_gateway import NOTHING_COMES_OF_IT, Sale
from tests.support.properties.modelled_payouts import COMES_TO_NOTHING, ModelledPayouts

CREATORS, ADDRESSES = ("alice", "bob"), ("first@host.example", "second@host.example", "third@host.example")
ASKERS = (Asker.CREATOR, Asker.OPERATOR)
DELAY_SECONDS = 3_600
"""A destination that a creator sets takes effect so much later."""
FIRST_TIP_SAT, MOST_STEPS = 20_000, 9
EVERYTHING = st.none() | st.integers(1, 3_000)
SEEDS, PASSING_SECONDS = st.integers(0, 1_000), st.sampled_from([0, 100, 1_000, 3_700])


class PayoutRules(ModelledPayouts):
    """What creators, payers, the operator, the node, hosts and processes may do."""

    sales, payouts = ModelledPayouts.sales, ModelledPayouts.payouts

    @initialize(target=sales)
    def tip_a_creator(self) -> Sale:
        """From the first step on there is money to pay out, and an address."""
        sold = self.run(self.domain.create(self.domain.tip("alice", amount_msat=from_sat(FIRST_TIP_SAT))))
        sale = self.known[sold.invoice.payment_hash] = Sale(sold.invoice, sold.token)
        self.take(sale, sale.invoice.amount_msat)
        self.run(self.domain.sweeper.sweep())
        self.set_a_destination("alice", ADDRESSES[0], by_operator=True)
        return sale

    # What is asked for -----------------------------------------------------------------------------------------------

    @rule(target=payouts, creator=st.sampled_from(CREATORS), amount_sat=EVERYTHING, by=st.sampled_from(ASKERS))
    def ask_for_a_payout(self, creator: str, amount_sat: int | None, by: Asker) -> Any:
        return self.ask(self.process, creator, amount_sat and from_sat(amount_sat), by)

    @rule(target=payouts, creator=st.sampled_from(CREATORS), amount_sat=st.integers(1, 3_000))
    def have_an_invoice_paid(self, creator: str, amount_sat: int) -> Any:
        amount_msat = from_sat(amount_sat)
        return self.ask(self.process, creator, amount_msat, Asker.OPERATOR, self.an_invoice(amount_msat))

    @rule(creator=st.sampled_from(CREATORS), address=st.sampled_from(ADDRESSES), by_operator=st.booleans())
    def set_a_destination(self, creator: str, address: str, by_operator: bool) -> None:
        """A creator's own word takes effect after the delay; until then the old address is in use."""
        caller, delay_seconds = (OPERATOR, 0) if by_operator else (Caller(creator, creator), DELAY_SECONDS)
        store, host, now, in_use = self.domain.store, self.host, int(self.clock.now), self.address_in_use(creator)
        self.try_(
            lambda: set_destination(
                store, host, creator=creator, address=address, caller=caller, now=now, delay_seconds=DELAY_SECONDS
            )
        )
        earliest = self.usable_from.get((creator, address), now + delay_seconds)
        self.usable_from[creator, address] = min(earliest, now + delay_seconds)
        assert by_operator or self.address_in_use(creator) == in_use

    @rule(target=payouts, sale=sales, operator_pays=st.booleans(), claims=st.sampled_from(["", "address", "invoice"]))
    def refund(self, sale: Sale, operator_pays: bool, claims: str) -> Any:
        """The operator offers a sale back, and its payer claims it."""
        payment_hash = sale.invoice.payment_hash
        with suppress(*COMES_TO_NOTHING):
            self.run(self.refunds.offer(payment_hash, caller=OPERATOR, operator_pays=operator_pays))
        offered = self.run(self.domain.store.read(lambda tx: tx.refunds.get(payment_hash)))
        assert offered is None or sale.paid_msat >= offered.amount_msat > 0
        sale.is_refunded = offered is not None
        if offered is None or not claims:
            return multiple()
        destination = ADDRESSES[2] if claims == "address" else self.an_invoice(offered.amount_msat)
        try:
            claim = self.run(self.refunds.claim(payment_hash, destination))
        except COMES_TO_NOTHING:
            return multiple()
        assert offered.state is RefundState.OFFERED
        return claim.payout_id

    @rule(payout_id=payouts)
    def cancel(self, payout_id: str) -> None:
        with suppress(*COMES_TO_NOTHING):
            self.run(self.process.decisions.cancel(payout_id))

    @rule(payout_id=payouts)
    def decide(self, payout_id: str) -> None:
        """The operator calls it unpaid, if that is allowed, or has it tried again."""
        for try_ in self.tries():
            if try_.payout_id == payout_id and try_.state is TryState.DISPATCHED:
                self.resolve(try_)
        with suppress(*COMES_TO_NOTHING):
            self.run(self.process.decisions.try_again(payout_id))

    @rule(is_paused=st.sampled_from([False, False, True]))
    def pause_or_resume(self, is_paused: bool) -> None:
        pause = self.process.pause
        self.try_(lambda: pause.pause("holidays") if is_paused else pause.resume())

    # What the node and the hosts do ----------------------------------------------------------------------------------

    @rule(plan=SEEDS, answer=SEEDS)
    def draw_the_answers_of_the_node(self, plan: int, answer: int) -> None:
        drawn, told = drawn_plan(Random(plan)), drawn_answer(Random(answer))
        self.core.payments.plan, self.core.payments.track_answer = lambda: drawn, lambda: told

    @rule(is_away=st.booleans(), lie_msat=st.sampled_from([0, 0, 1_000]), expires=st.sampled_from([600, 3_600, 86_400]))
    def change_the_host(self, is_away: bool, lie_msat: int, expires: int) -> None:
        self.host.away, self.host.lie_msat, self.host.expiry_seconds = is_away, lie_msat, expires

    # What processes do -----------------------------------------------------------------------------------------------

    @rule(seconds=PASSING_SECONDS)
    def pay_out(self, seconds: int) -> None:
        """Time passes; what is due is paid, and followed up. Nothing is sent while payouts are paused."""
        self.clock.advance(seconds)
        before, pause = self.sends(), self.run(self.domain.store.read(lambda tx: tx.payout_pauses.current()))
        self.work()
        self.try_(self.refunds.return_expired)
        assert pause is None or self.sends() == before

    @rule(amount_sat=EVERYTHING, kill_at=st.integers(1, MOST_STEPS), seed=SEEDS)
    def pay_out_until_killed(self, amount_sat: int | None, kill_at: int, seed: int) -> None:
        """A process asks and pays, ends at any step, and may not learn what became of its commits."""
        rng = Random(seed)
        process = self.start(Steps(kill_at=kill_at, commit=lambda: rng.choices(list(Commit), [8, 1, 1])[0]))
        dispatch = self.dispatch(process, amount_sat)
        if dispatch is not None:
            with suppress(*NOTHING_COMES_OF_IT):
                self.run(dispatch)

    @precondition(lambda self: self.standing is None)
    @rule(amount_sat=st.integers(100, 3_000), rounds=st.lists(PASSING_SECONDS, max_size=3))
    def stand_still(self, amount_sat: int, rounds: list[int]) -> None:
        """A process commits that it sends, and stands still before it does; others follow it up meanwhile."""
        self.gate = Gate()
        self.standing = self.dispatch(self.start(Steps(before_sending=self.gate)), amount_sat)
        if self.standing is not None:
            self.run(_first_of(self.standing, self.loop.create_task(self.gate.reached.wait())))
        for seconds in rounds:
            self.pay_out(seconds)

    @precondition(lambda self: self.standing is not None)
    @rule(is_end=st.sampled_from([False, False, True]))
    def go_on(self, is_end: bool) -> None:
        """It sends what it was about to send, however long ago; or it ends."""
        self.let_it_go_on(is_end=is_end)

    def dispatch(self, process: PayoutProcess, amount_sat: int | None) -> asyncio.Task[None] | None:
        """Another process asks for a payout and sends it; None if it is refused."""
        payout_id = self.ask(process, "alice", amount_sat and from_sat(amount_sat), Asker.CREATOR)
        own = [try_ for try_ in self.tries() if try_.payout_id == payout_id]
        return self.loop.create_task(process.dispatcher.dispatch(own[0])) if own else None


async def _first_of(*tasks: asyncio.Task[Any]) -> None:
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    tasks[-1].cancel()
