"""The rounds of the background work: cheap when there is nothing to do, and none waits for the next without need."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import pytest

from gateway.ports.store import Store, Tx
from gateway.rows.payouts import PayoutState, TryState
from gateway.simulator.payments.payment import Answer, FailureReason, Plan
from gateway.supervise import Progress
from tests.payouts.conftest import PayingDomain
from tests.payouts.world import Steps, start_process
from tests.support.clock import unless_changed, until

T = TypeVar("T")


class CountedStore(Store):
    """A store that counts its transactions."""

    def __init__(self, store: Store) -> None:
        self._store, self.reads, self.writes = store, 0, 0

    async def write(self, work: Callable[[Tx], T]) -> T:
        """As in the Protocol."""
        self.writes += 1
        return await self._store.write(work)

    async def read(self, work: Callable[[Tx], T]) -> T:
        """As in the Protocol."""
        self.reads += 1
        return await self._store.read(work)


async def test_a_round_with_nothing_to_do_is_one_read(paying: PayingDomain) -> None:
    store = CountedStore(paying.domain.store)
    process = start_process(store, paying.core, paying.host, paying.clock, paying.rng.randbytes, Steps())
    await process.work()
    store.reads = store.writes = 0
    await process.work()
    assert (store.reads, store.writes) == (1, 0)


async def test_what_a_round_leaves_out_is_sent_as_soon_as_there_is_room(paying: PayingDomain) -> None:
    """The next round by the clock is an hour away."""
    asked = [await paying.ask(100) for _ in range(5)]
    running = asyncio.create_task(paying.process.worker.run(Progress(), every_seconds=3_600))

    async def all_are_paid() -> bool:
        return all([(await paying.payout(each.payout_id)).state is PayoutState.SUCCEEDED for each in asked])

    await until(all_are_paid)
    running.cancel()
    await asyncio.wait([running])


async def test_a_round_that_left_nothing_out_is_followed_when_the_next_is_due(paying: PayingDomain) -> None:
    store = CountedStore(paying.domain.store)
    process = start_process(store, paying.core, paying.host, paying.clock, paying.rng.randbytes, Steps())
    paid = await paying.ask(100)
    running = asyncio.create_task(process.worker.run(Progress(), every_seconds=3_600))

    async def is_paid() -> bool:
        return (await paying.payout(paid.payout_id)).state is PayoutState.SUCCEEDED

    await until(is_paid)
    reads = store.reads
    await unless_changed(lambda: store.reads == reads)
    running.cancel()
    await asyncio.wait([running])


@pytest.mark.parametrize("answer", [Answer.TOLD, Answer.BROKEN])
async def test_what_a_node_paid_is_announced_once_with_its_fee(paying: PayingDomain, answer: Answer) -> None:
    paying.core.payments.plan = lambda: Plan(answer=answer, fee_msat=2_000)
    asked = await paying.ask(1_000)
    for _ in range(3):
        await paying.process.work()
        paying.clock.advance(100)
    assert await paying.tries(asked.payout_id) == paying.process.announced.paid_out_tries
    [paid] = paying.process.announced.paid_out_tries
    assert (paid.state, paid.fee_msat) == (TryState.SUCCEEDED, 2_000)


async def test_a_try_that_failed_unheard_gives_its_money_back_as_soon_as_its_invoice_has_expired(
    paying: PayingDomain,
) -> None:
    paying.host.expiry_seconds = 86_400
    paying.core.payments.plan = lambda: Plan(answer=Answer.BROKEN, outcome=FailureReason.NO_ROUTE)
    asked = await paying.ask(1_000)
    await paying.process.work()
    paying.clock.advance(80_000)
    await paying.process.work()
    [try_] = await paying.tries(asked.payout_id)
    assert try_.expires_at is not None
    assert try_.state is TryState.DISPATCHED
    paying.clock.now = try_.expires_at + 60
    await paying.process.work()
    assert await paying.balance_sat() == 50_000
