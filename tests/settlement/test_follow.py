"""Following a node's stream: settlements are booked at once, and every way in which it can break is noticed."""

import asyncio
import gc
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pytest

from gateway.errors import TuppenceError, Unavailable
from gateway.ports.node import NodeInvoice, NodeState
from gateway.ports.store import Tx
from gateway.rows import Invoice
from gateway.settlement.follow import follow
from gateway.settlement.settle import Settler
from gateway.settlement.sweep import SUBSCRIBED_WITHIN_SECONDS, Sweeper
from gateway.simulator.core import Simulator
from gateway.supervise import Backoff, Progress, Supervisor
from tests.support.announced import Announced
from tests.support.clock import unless_changed, until
from tests.support.domain import Till
from tests.support.observed_node import ObservedNode

T = TypeVar("T")


class BrokenStore:
    """A store that refuses every write."""

    async def write(self, _: Callable[[Tx], T]) -> T:
        raise Unavailable("database_away", "The disk is full.", retry_after_seconds=2)

    async def read(self, _: Callable[[Tx], T]) -> T:
        raise NotImplementedError


@asynccontextmanager
async def followed(till: Till, progress: Progress | None = None, **options: Any) -> AsyncIterator[asyncio.Task[None]]:
    """A followed stream, once it is open and the first sweeps are done."""
    task = asyncio.create_task(follow(till.pinned, till.settler, till.sweeper, progress or Progress(), **options))
    await until(lambda: bool(till.core._subscriptions) and till.sweeper._stream_since is not None)
    yield task
    task.cancel()
    await asyncio.wait([task])


async def ending_of(task: asyncio.Task[None]) -> str:
    """The code with which a stream ended."""
    with pytest.raises(TuppenceError) as ending:
        await asyncio.wait_for(task, 20)
    return ending.value.code


async def is_settled(till: Till, invoice: Invoice) -> bool:
    return (await till.row(invoice)).settled_at is not None


async def test_a_settlement_is_credited_as_soon_as_the_stream_reports_it(till: Till, node: ObservedNode) -> None:
    async with followed(till):
        invoice = await till.sell()
        till.pay(invoice)
        await until(lambda: is_settled(till, invoice))
        assert node.asked("lookup", "list_invoices") == 0
        assert till.sweeper.found == 0


async def test_a_stream_that_reports_everything_twice_and_shuffled_credits_once(till: Till) -> None:
    async with followed(till):
        till.core.quirks.duplicate_events = till.core.quirks.hold_events = True
        invoices = await till.sell_many(12)
        for invoice in invoices:
            till.pay(invoice)
        till.core.release_events(shuffled=True)
        await until(lambda: len(till.announced) == 12)
        await unless_changed(lambda: len(till.announced) == 12)
        assert (await till.balances())["creator:alice"] == 12 * 70_000


async def test_what_settled_before_the_stream_opened_is_found_by_the_sweep(till: Till) -> None:
    invoice = await till.sell()
    till.pay(invoice)
    async with followed(till):
        await until(lambda: is_settled(till, invoice))


async def test_what_settled_while_the_stream_was_being_opened_is_found_by_the_second_sweep(
    till: Till, node: ObservedNode
) -> None:
    till.core.quirks.drop_events = True
    invoice = await till.sell()
    async with followed(till, second_sweep_after_seconds=0.2):
        assert node.asked("lookup") == 1
        till.pay(invoice)
        await until(lambda: is_settled(till, invoice))
        assert node.asked("lookup") == 2


async def test_what_settled_before_a_subscription_that_took_long_stood_is_found_later(
    till: Till, node: ObservedNode
) -> None:
    till.core.quirks.drop_events = True
    invoice = await till.sell()
    async with followed(till, Progress(backoff=Backoff(longest_seconds=0.2)), second_sweep_after_seconds=0.0):
        await until(lambda: node.asked("lookup") == 2)
        till.pay(invoice)
        await until(lambda: is_settled(till, invoice))


async def test_a_stream_that_says_nothing_loses_nothing(till: Till) -> None:
    till.core.quirks.drop_events = True
    async with followed(till) as task:
        invoice = await till.sell()
        till.clock.advance(SUBSCRIBED_WITHIN_SECONDS + 1)
        till.pay(invoice)
        till.clock.now = invoice.expires_at + 5
        await till.sweeper.sweep(due_only=True)
        assert await is_settled(till, invoice)
        assert await ending_of(task) == "stream_deaf"


async def test_a_node_that_breaks_off_its_stream_ends_it(till: Till) -> None:
    async with followed(till) as task:
        till.core.restart()
        assert await ending_of(task) == "node_away"
        assert till.sweeper._stream_since is None


@pytest.mark.parametrize(
    ("state", "code"),
    [(NodeState.ABSENT, "node_away"), (NodeState.LOCKED, "node_locked"), (NodeState.STARTING, "node_starting")],
)
async def test_a_node_that_is_not_ready_is_not_followed(till: Till, state: NodeState, code: str) -> None:
    till.core.state = state
    task = asyncio.create_task(follow(till.pinned, till.settler, till.sweeper, Progress()))
    assert await ending_of(task) == code
    assert till.core._subscriptions == []


async def test_another_node_under_the_same_name_is_not_followed(till: Till, node: ObservedNode) -> None:
    async with followed(till):
        pass
    node._core = other = Simulator(clock=till.clock, random_bytes=lambda size: b"\5" * size)
    task = asyncio.create_task(follow(till.pinned, till.settler, till.sweeper, Progress()))
    assert await ending_of(task) == "node_changed"
    assert other._subscriptions == []


async def test_a_node_that_ends_its_stream_without_an_error_is_away(till: Till) -> None:
    class Silent(ObservedNode):
        """A node whose stream ends at once."""

        async def subscribe(self) -> AsyncGenerator[NodeInvoice]:
            nothing: list[NodeInvoice] = []
            for report in nothing:
                yield report

    settler = Settler(Silent(till.core), till.store, till.clock, Announced())
    task = asyncio.create_task(follow(till.pinned, settler, till.sweeper, Progress()))
    assert await ending_of(task) == "node_away"


async def test_a_database_that_is_away_closes_the_stream_rather_than_park_it(till: Till) -> None:
    settler = Settler(till.node, BrokenStore(), till.clock, Announced())
    task = asyncio.create_task(follow(till.pinned, settler, till.sweeper, Progress()))
    await until(lambda: bool(till.core._subscriptions))
    till.pay(await till.sell())
    assert await ending_of(task) == "database_away"
    assert till.core._subscriptions == []


async def test_a_database_that_is_slow_closes_the_stream_when_too_much_waits(
    till: Till,
) -> None:
    async with followed(till, most_unbooked=3) as task:
        invoices = await till.sell_many(2)
        till.core.quirks.hold_events = True
        for invoice in invoices:
            till.pay(invoice)
        till.core.quirks.duplicate_events = True
        for _ in range(5):
            till.core.keysend(1_000)
        for _ in range(3):
            till.core.add_invoice(preimage=b"", amount_msat=1_000, memo="", expiry_seconds=60)
        till.core.release_events()
        assert await ending_of(task) == "database_away"
    assert till.core._subscriptions == []


async def test_a_stream_that_is_let_go_leaves_nothing_behind(till: Till, caplog: pytest.LogCaptureFixture) -> None:
    async with followed(till):
        pass
    assert till.core._subscriptions == []
    assert asyncio.all_tasks() == {asyncio.current_task()}
    gc.collect()
    assert caplog.records == []


async def test_a_stream_whose_parts_fail_together_leaves_nothing_behind(
    till: Till, node: ObservedNode, caplog: pytest.LogCaptureFixture
) -> None:
    await till.sell_many(3)
    node.failing = {name: Unavailable("node_away", "gone") for name in ("lookup", "subscribe")}
    task = asyncio.create_task(follow(till.pinned, till.settler, till.sweeper, Progress()))
    assert await ending_of(task) == "node_away"
    del task
    gc.collect()
    assert caplog.records == []


async def test_a_connection_is_no_progress_and_a_booking_is(till: Till) -> None:
    progress = Progress(failures=7)
    async with followed(till, progress):
        await unless_changed(lambda: progress.failures == 7)
        till.pay(await till.sell())
        await until(lambda: progress.failures == 0)


async def test_a_stream_that_outlives_the_longest_backoff_is_progress(
    till: Till,
) -> None:
    backoff = Backoff(longest_seconds=0.05)
    progress = Progress(failures=7, last_error="the node was away", backoff=backoff)
    async with followed(till, progress, second_sweep_after_seconds=0.0):
        await until(lambda: progress.failures == 0)
        assert progress.last_error == ""


async def test_a_node_that_restarts_is_followed_again_and_owes_nothing(
    till: Till,
) -> None:
    supervisor = Supervisor(Backoff(first_seconds=0.01))

    async def work(progress: Progress) -> None:
        await follow(till.pinned, till.settler, till.sweeper, progress)

    async with supervisor.supervise("follow", work):
        await until(lambda: bool(till.core._subscriptions))
        invoices = await till.sell_many(4)
        for invoice in invoices:
            till.core.state = NodeState.ABSENT
            till.core.restart()
            till.pay(invoice)
            till.core.state = NodeState.READY
            await until(lambda paid=invoice: is_settled(till, paid))  # type: ignore[misc]  # bound in the loop
        assert supervisor.dead() == []
    assert till.announced == [invoice.payment_hash for invoice in invoices]


async def test_a_deaf_stream_is_opened_again(till: Till) -> None:
    opened: list[Sweeper] = []

    async def work(progress: Progress) -> None:
        opened.append(till.sweeper)
        await follow(till.pinned, till.settler, till.sweeper, progress)

    async with Supervisor(Backoff(first_seconds=0.01)).supervise("follow", work):
        await until(lambda: till.sweeper._stream_since is not None)
        till.core.quirks.drop_events = True
        first, second = await till.sell_many(2)
        till.clock.advance(SUBSCRIBED_WITHIN_SECONDS + 1)
        till.pay(first)
        till.clock.now = first.expires_at - 60
        await till.sweeper.sweep()
        await until(lambda: len(opened) == 2 and till.sweeper._stream_since is not None)
        till.core.quirks.drop_events = False
        till.pay(second)
        await until(lambda: is_settled(till, second))
