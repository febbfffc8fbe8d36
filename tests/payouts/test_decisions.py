"""The operator decides what no node will, and can move nothing that a node may still move."""

import pytest

from gateway.books.ledger import OPERATOR_ACCOUNT
from gateway.errors import Conflict, Invalid, NotFound
from gateway.money import from_sat
from gateway.payouts.decisions import Recorded
from gateway.rows.payouts import RESTORED, PayoutState, TryState
from gateway.simulator.payments.payment import Answer, Plan
from tests.payouts.conftest import ALICE, PayingDomain

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


async def test_a_payment_by_hand_is_booked_once(paying: PayingDomain) -> None:
    recorded = Recorded(source_account=ALICE, amount_msat=from_sat(700), note="bank transfer 12")
    await paying.process.decisions.record(recorded)
    assert (await paying.balance_sat(), await paying.balance_sat(OPERATOR_ACCOUNT)) == (49_300, 700)
    with pytest.raises(Conflict) as refusal:
        await paying.process.decisions.record(recorded)
    assert refusal.value.code == "recorded_before"
    with pytest.raises(Invalid):
        await paying.process.decisions.record(Recorded(source_account=ALICE, amount_msat=from_sat(700)))
    with pytest.raises(Conflict):
        await paying.process.decisions.record(
            Recorded(source_account=ALICE, amount_msat=from_sat(60_000), note="too much")
        )


async def test_after_a_restore_nothing_is_paid_again_without_a_decision(paying: PayingDomain) -> None:
    reserved = await paying.ask(1_000)
    paying.host.away = True
    waiting = await paying.ask(2_000)
    await paying.process.worker.look()
    await paying.process.worker.settle_down()
    paying.host.away = False
    again = await paying.ask(1_000)
    await paying.process.decisions.pause(RESTORED)
    paying.clock.advance(10)
    invoice = await paying.host.invoice(await paying.host.offer("alice@host.example"), from_sat(1_000))
    paying.core.payments.send(invoice, fee_limit_msat=from_sat(10))
    with pytest.raises(Conflict) as refusal:
        await paying.process.decisions.resume(paying.process.nodes)
    assert refusal.value.code == "payments_lacking"
    await paying.process.decisions.resume(paying.process.nodes, acknowledged=True)
    paying.clock.advance(3 * 86_400)
    await paying.process.work()
    states = {(await paying.payout(each.payout_id)).state for each in (reserved, waiting, again)}
    assert states == {PayoutState.NEEDS_DECISION}
    assert await paying.received_sat() == 1_000
