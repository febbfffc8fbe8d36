"""A try that its one call has not ended is followed up at the node that the books know, and nowhere else."""

import pytest
from structlog.testing import capture_logs

from gateway.payouts.follow_up import AFTER_EXPIRY_SECONDS
from gateway.ports.node import NodeState
from gateway.rows.payouts import PayoutState
from gateway.simulator.payments.in_process_payer import InProcessPayer
from gateway.simulator.payments.payment import Answer, Plan
from tests.payouts.conftest import PayingDomain

ANOTHER_PUBKEY = "02" * 33


async def send_without_answer(paying: PayingDomain) -> str:
    """Ask for a payout that the node pays without a word, and let the time of its first check come; its id."""
    paying.core.payments.plan = lambda: Plan(answer=Answer.BROKEN)
    payout_id = (await paying.ask(1_000)).payout_id
    await paying.process.work()
    paying.clock.advance(600 + AFTER_EXPIRY_SECONDS)
    return payout_id


async def events_of_a_round(paying: PayingDomain) -> list[str]:
    """What is logged by one round of the background work."""
    with capture_logs() as logged:
        await paying.process.work()
    return [entry["event"] for entry in logged]


async def test_a_node_that_is_away_is_not_missing_and_is_asked_later(paying: PayingDomain) -> None:
    payout_id = await send_without_answer(paying)
    paying.core.state = NodeState.LOCKED
    assert "payout_node_missing" not in await events_of_a_round(paying)
    assert (await paying.payout(payout_id)).state is PayoutState.TRYING
    paying.core.state = NodeState.READY
    paying.clock.advance(3_600)
    await paying.process.work()
    assert (await paying.payout(payout_id)).state is PayoutState.SUCCEEDED


async def test_the_word_of_another_node_ends_nothing_and_raises_an_alarm(
    paying: PayingDomain, monkeypatch: pytest.MonkeyPatch
) -> None:
    payout_id = await send_without_answer(paying)

    async def another(_: InProcessPayer) -> str:
        return ANOTHER_PUBKEY

    monkeypatch.setattr(InProcessPayer, "identity_pubkey", another)
    assert "payout_node_missing" in await events_of_a_round(paying)
    assert (await paying.payout(payout_id)).state is PayoutState.TRYING
