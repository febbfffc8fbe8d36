"""After a restore nothing is paid again of which the backup does not know that it was paid."""

from dataclasses import replace
from typing import cast

import pytest

from gateway.catalog.api_keys import OPERATOR
from gateway.errors import Conflict, Unavailable
from gateway.money import from_sat
from gateway.payouts.decisions.pauses import CLOCKS_DIFFER_SECONDS, PayoutPause
from gateway.payouts.decisions.records import Recorded
from gateway.payouts.payers import PayingNodes
from gateway.payouts.refunds import Refunds
from gateway.ports.payer import Payer
from gateway.rows.payouts import RESTORED, PayoutState, RefundState, TryState
from gateway.simulator.payments.payment import Answer, FailureReason, Plan
from tests.payouts.conftest import PayingDomain
from tests.payouts.test_records import paid_by_hand
from tests.payouts.test_refunds import claim, refunds, sold, state
from tests.payouts.world import CAPS, payout_process
from tests.support.rows import NODE_ID

__all__ = ["refunds"]


async def test_after_a_restore_nothing_is_paid_again_without_a_decision(paying: PayingDomain) -> None:
    reserved = await paying.ask(1_000)
    paying.host.away = True
    waiting = await paying.ask(2_000)
    await paying.process.worker.look()
    await paying.process.worker.settle_down()
    paying.host.away = False
    again = await paying.ask(1_000)
    await paying.process.pause.pause(RESTORED)
    paying.clock.advance(10)
    paid_by_hand(paying, from_sat(1_000))
    with pytest.raises(Conflict) as refusal:
        await paying.process.pause.resume()
    assert refusal.value.code == "payments_lacking"
    await paying.process.pause.resume(acknowledged=True)
    paying.clock.advance(3 * 86_400)
    await paying.process.work()
    states = {(await paying.payout(each.payout_id)).state for each in (reserved, waiting, again)}
    assert states == {PayoutState.NEEDS_DECISION}
    assert await paying.received_sat() == 1_000


async def test_books_that_were_brought_back_by_other_means_are_compared_with_all_that_the_nodes_ever_paid(
    paying: PayingDomain,
) -> None:
    """The operator had paused them before, for another reason."""
    paid_by_hand(paying, from_sat(1_000))
    paying.clock.advance(30 * 86_400)
    await paying.process.pause.pause("operator")
    await paying.process.pause.pause(RESTORED)
    assert len(await paying.process.pause.lacking()) == 1
    with pytest.raises(Conflict):
        await paying.process.pause.resume()


async def test_a_try_that_the_backup_knows_as_dispatched_is_not_retried_by_itself(paying: PayingDomain) -> None:
    paying.host.expiry_seconds = 86_400
    paying.core.payments.plan = lambda: Plan(answer=Answer.BROKEN, outcome=FailureReason.NO_ROUTE)
    asked = await paying.ask(1_000)
    await paying.process.work()
    await paying.process.pause.pause(RESTORED)
    paying.core.payments.plan = Plan
    assert await paying.process.pause.resume()
    paying.clock.advance(3 * 86_400)
    restarted = paying.restarted()
    for _ in range(3):
        await restarted.work()
        paying.clock.advance(86_400)
    assert (await paying.payout(asked.payout_id)).state is PayoutState.NEEDS_DECISION
    assert [try_.state for try_ in await paying.tries(asked.payout_id)] == [TryState.FAILED]
    assert await paying.received_sat() == 0
    assert await paying.balance_sat() == 50_000


@pytest.mark.parametrize("is_sent", [False, True])
async def test_a_claim_that_the_backup_knows_is_offered_again_by_the_operator_alone(
    paying: PayingDomain, refunds: Refunds, is_sent: bool
) -> None:
    refund = await refunds.offer((await sold(paying)).payment_hash, caller=OPERATOR, operator_pays=True)
    paying.core.payments.plan = lambda: Plan(answer=Answer.BROKEN, outcome=FailureReason.NO_ROUTE)
    claimed = await claim(paying, refund)
    if is_sent:
        await paying.process.work()
    await paying.process.pause.pause(RESTORED)
    await paying.process.pause.resume()
    paying.core.payments.plan = Plan
    paying.clock.advance(3 * 86_400)
    await paying.restarted().work()
    assert await state(paying, refund) is RefundState.CLAIMING
    with pytest.raises(Conflict) as refusal:
        await claim(paying, refund)
    assert refusal.value.code == "refund_claiming"
    await paying.process.decisions.cancel(claimed.payout_id)
    assert await state(paying, refund) is RefundState.OFFERED
    await claim(paying, refund)
    await paying.process.work()
    assert await state(paying, refund) is RefundState.CLAIMED
    assert await paying.received_sat() == 100


async def test_a_claim_that_is_tried_again_and_refused_offers_its_refund_again(
    paying: PayingDomain, refunds: Refunds
) -> None:
    refund = await refunds.offer((await sold(paying)).payment_hash, caller=OPERATOR, operator_pays=True)
    claimed = await claim(paying, refund)
    await paying.process.pause.pause(RESTORED)
    await paying.process.pause.resume()
    assert (await paying.payout(claimed.payout_id)).state is PayoutState.NEEDS_DECISION
    await paying.process.decisions.try_again(claimed.payout_id)
    [payer], store, smaller = paying.process.nodes, paying.domain.store, replace(CAPS, most_msat=from_sat(1))
    await payout_process(store, payer, paying.host, paying.clock, paying.rng.randbytes, caps=smaller).work()
    assert (await paying.payout(claimed.payout_id)).state is PayoutState.CANCELED
    assert await state(paying, refund) is RefundState.OFFERED


async def test_a_claim_that_was_paid_after_the_backup_is_booked_before_it_can_be_made_again(
    paying: PayingDomain, refunds: Refunds
) -> None:
    refund = await refunds.offer((await sold(paying)).payment_hash, caller=OPERATOR, operator_pays=True)
    await paying.process.pause.pause(RESTORED)
    row = paid_by_hand(paying, refund.amount_msat)
    [found] = await paying.process.pause.lacking()
    await paying.process.records.record(
        Recorded(refund_of=refund.payment_hash, payment_hash=found.payment_hash, node_id=NODE_ID)
    )
    assert found.payment_hash == row.payment_hash.hex()
    assert await paying.process.pause.resume(), "nothing is lacking any more"
    with pytest.raises(Conflict) as refusal:
        await claim(paying, refund)
    assert refusal.value.code == "refund_claimed"


async def test_a_payment_is_listed_though_the_clock_of_its_node_is_behind(paying: PayingDomain) -> None:
    sent = paid_by_hand(paying, from_sat(1_000))
    paying.clock.advance(CLOCKS_DIFFER_SECONDS // 2)
    await paying.process.pause.pause(RESTORED)
    assert [found.payment_hash for found in await paying.process.pause.lacking()] == [sent.payment_hash.hex()]


async def test_after_a_pause_of_the_operators_own_no_node_is_asked(paying: PayingDomain) -> None:
    await paying.process.pause.pause("operator")
    paid_by_hand(paying, from_sat(1_000))
    assert await paying.process.pause.lacking() == []
    assert await paying.process.pause.resume()
    assert not await paying.process.pause.resume(), "it is over already"


async def test_another_node_cannot_say_that_nothing_is_lacking(paying: PayingDomain) -> None:
    await paying.process.pause.pause(RESTORED)
    [payer] = paying.process.nodes

    class Another:
        """A node that answers under the name of the first."""

        node_id = payer.node_id

        async def identity_pubkey(self) -> str:
            """A key that the books do not know."""
            return "02" * 33

    nodes = PayingNodes([cast("Payer", Another())], paying.domain.store)
    with pytest.raises(Unavailable) as refusal:
        await PayoutPause(nodes, paying.domain.store, paying.clock).resume()
    assert refusal.value.code == "payer_is_another_node"
