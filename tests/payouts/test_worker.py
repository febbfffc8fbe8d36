"""The rounds of the background work: cheap when there is nothing to do, and none waits for the next without need."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import pytest

from gateway.books.ledger import creator_account
from gateway.catalog.api_keys import OPERATOR
from gateway.money import from_sat
from gateway.payouts.request import Wanted
from gateway.payouts.slots import MOST_AT_ONCE, MOST_PER_ACCOUNT, Slots
from gateway.ports.store import Store, Tx
from gateway.rows.payouts import Asker, Interval, Payout, PayoutState, Try, TryState
from gateway.simulator.payments.payment import Answer, FailureReason, Plan
from gateway.supervise import Progress
from tests.payouts.conftest import ALICE, PayingDomain
from tests.payouts.world import Steps, credit, start_process
from tests.support.clock import turns, unless_changed, until
from tests.support.payout_rows import a_payout, a_try, earn, reserve
from tests.support.rows import a_creator

T = TypeVar("T")


def a_reserved_try(number: int, account: str) -> Try:
    """The only try of a payout, the older the lower its number."""
    return a_try(a_payout(number, source_account=account))


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


# Fairness ------------------------------------------------------------------------------------------------------------


def reserve_for_many(tx: Tx, *, accounts: int) -> None:
    """Two payouts of each of so many creators."""
    for number in range(accounts):
        creator = f"creator-{number}"
        tx.creators.insert(a_creator(creator))
        earn(tx, creator, amount_msat=200_000, number=500 + number)
        for n in range(2):
            account = creator_account(creator)
            reserve(tx, a_payout(100 + 2 * number + n, source_account=account, asked_by=Asker.OPERATOR))


async def test_payments_that_nodes_hold_delay_no_look_at_how_another_ended(paying: PayingDomain) -> None:
    paying.core.payments.plan = lambda: Plan(answer=Answer.SILENT)
    asked = await paying.ask(1_000)
    await paying.process.work()
    await paying.domain.store.write(lambda tx: reserve_for_many(tx, accounts=MOST_AT_ONCE // MOST_PER_ACCOUNT))
    held = Steps(before_sending=asyncio.Event())
    process = start_process(paying.domain.store, paying.core, paying.host, paying.clock, paying.rng.randbytes, held)
    paying.clock.advance(100)
    await process.worker.look()

    async def is_paid() -> bool:
        return (await paying.payout(asked.payout_id)).state is PayoutState.SUCCEEDED

    await until(is_paid)
    assert held.before_sending is not None
    held.before_sending.set()
    await process.worker.settle_down()


async def test_room_goes_to_the_account_that_waited_longest_not_to_the_oldest_try() -> None:
    ends: dict[str, asyncio.Event] = {}
    begun: list[str] = []

    async def work(try_: Try) -> None:
        begun.append(try_.source_account)
        await ends.setdefault(try_.payout_id, asyncio.Event()).wait()

    slots = Slots(work, asyncio.Event())
    old = [a_reserved_try(4 * n + k, f"creator:{n}") for n in range(MOST_AT_ONCE // 2) for k in range(4)]
    newcomer = a_reserved_try(1_000, "creator:newcomer")
    assert not slots.begin([*old, newcomer])
    await turns()
    assert len(begun) == MOST_AT_ONCE
    ends[old[0].payout_id].set()
    await turns(3)
    assert not slots.begin([*old[1:], newcomer])
    await turns()
    assert begun[-1] == "creator:newcomer"
    for event in ends.values():
        event.set()
    await asyncio.wait(slots.tasks())


async def test_a_rule_with_a_defect_stops_neither_other_rules_nor_payments(paying: PayingDomain) -> None:
    await credit(paying.domain, "bob", 5_000, address="bob@host.example")
    for creator in ("alice", "bob"):
        await paying.process.rules.put(
            creator, threshold_msat=from_sat(1_000), interval=Interval.DAILY, caller=OPERATOR
        )
    ask = paying.process.requests.ask

    async def ask_with_a_defect(wanted: Wanted) -> Payout:
        if wanted.source_account == ALICE:
            raise ZeroDivisionError
        return await ask(wanted)

    setattr(paying.process.requests, "ask", ask_with_a_defect)  # noqa: B010  # a method
    await paying.process.work()
    assert await paying.received_sat() > 4_900
