"""The operator decides what no node will, and can move nothing that a node may still move."""

import pytest
from structlog.testing import capture_logs

from gateway.errors import Conflict, Invalid, NotFound, Unavailable
from gateway.ports.node import NodeState
from gateway.rows.payouts import PayoutState, TryState
from gateway.simulator.payments.payment import Answer, Plan
from tests.payouts.conftest import PayingDomain

UNHEARD = Plan(answer=Answer.BROKEN, is_recorded=False)


async def test_a_payout_is_canceled_until_it_is_sent(paying: PayingDomain) -> None:
    asked = await paying.ask(1_000)
    canceled = await paying.process.decisions.cancel(asked.payout_id)
    assert canceled.state is PayoutState.CANCELED
    assert await paying.balance_sat() == 50_000
    with pytest.raises(Conflict, match="has ended"):
        await paying.process.decisions.cancel(asked.payout_id)
    paying.core.payments.plan = lambda: Plan(ends_after_seconds=None)
    sent = await paying.ask(1_000)
    await paying.process.work()
    with pytest.raises(Conflict) as refusal:
        await paying.process.decisions.cancel(sent.payout_id)
    assert refusal.value.code == "payout_dispatched"
    with pytest.raises(NotFound):
        await paying.process.decisions.cancel("0" * 32)


@pytest.mark.parametrize("is_paid", [True, False])
async def test_a_payout_that_its_node_does_not_know_is_resolved_after_its_invoice_has_expired(
    paying: PayingDomain, is_paid: bool
) -> None:
    paying.core.payments.plan = lambda: UNHEARD
    asked = await paying.ask(1_000)
    await paying.process.work()
    with pytest.raises(Conflict) as refusal:
        await paying.process.decisions.resolve(asked.payout_id, is_paid=is_paid, note="I asked the host")
    assert refusal.value.code == "payout_may_still_end"
    paying.clock.advance(700)
    await paying.process.work()
    [try_] = await paying.tries(asked.payout_id)
    assert try_.state is TryState.DISPATCHED, "a payment that the node does not have is no failure"
    with pytest.raises(Invalid):
        await paying.process.decisions.resolve(asked.payout_id, is_paid=is_paid, note=" ")
    await paying.process.decisions.resolve(asked.payout_id, is_paid=is_paid, note="I asked the host")
    [try_] = await paying.tries(asked.payout_id)
    assert try_.resolved_note == "I asked the host"
    assert await paying.balance_sat() == (48_990 if is_paid else 50_000)


async def test_what_its_node_has_under_way_is_not_resolved(paying: PayingDomain) -> None:
    paying.core.payments.plan = lambda: Plan(ends_after_seconds=7_200)
    asked = await paying.ask(1_000)
    await paying.process.work()
    paying.clock.advance(700)
    with pytest.raises(Conflict) as refusal:
        await paying.process.decisions.resolve(asked.payout_id, is_paid=False, note="the creator has nothing")
    assert refusal.value.code == "payout_may_still_end"
    paying.clock.advance(7_200)
    await paying.process.work()
    assert (await paying.payout(asked.payout_id)).state is PayoutState.SUCCEEDED
    assert await paying.received_sat() == 1_000


async def test_what_its_node_has_paid_is_booked_so_whatever_the_operator_says(paying: PayingDomain) -> None:
    paying.core.payments.plan = lambda: Plan(answer=Answer.BROKEN)
    asked = await paying.ask(1_000)
    await paying.process.work()
    paying.clock.advance(700)
    resolved = await paying.process.decisions.resolve(asked.payout_id, is_paid=False, note="the creator has nothing")
    assert resolved.state is PayoutState.SUCCEEDED
    [try_] = await paying.tries(asked.payout_id)
    assert (try_.resolved_note, try_.fee_msat is not None) == (None, True)
    assert await paying.received_sat() == 1_000


async def test_without_a_word_of_its_node_nothing_is_resolved(paying: PayingDomain) -> None:
    paying.core.payments.plan = lambda: UNHEARD
    asked = await paying.ask(1_000)
    await paying.process.work()
    paying.clock.advance(700)
    paying.core.payments.track_answer = lambda: Answer.BROKEN
    with pytest.raises(Unavailable) as refusal:
        await paying.process.decisions.resolve(asked.payout_id, is_paid=False, note="the creator has nothing")
    assert refusal.value.code == "payer_silent"
    paying.core.payments.track_answer = lambda: Answer.TOLD
    await paying.process.decisions.resolve(asked.payout_id, is_paid=False, note="the creator has nothing")
    assert await paying.balance_sat() == 50_000


async def test_a_node_that_is_away_is_not_missing_and_is_asked_later(paying: PayingDomain) -> None:
    paying.core.payments.plan = lambda: Plan(answer=Answer.BROKEN)
    asked = await paying.ask(1_000)
    await paying.process.work()
    paying.clock.advance(660)
    paying.core.state = NodeState.LOCKED
    with capture_logs() as logged:
        await paying.process.work()
    assert "payout_node_missing" not in [entry["event"] for entry in logged]
    assert (await paying.payout(asked.payout_id)).state is PayoutState.TRYING
    paying.core.state = NodeState.READY
    paying.clock.advance(3_600)
    await paying.process.work()
    assert (await paying.payout(asked.payout_id)).state is PayoutState.SUCCEEDED
