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
from tests.support.domain import Domain
from tests.support.nodes.observed_node import ObservedNode

T = TypeVar("T")


class BrokenStore:
    """A store that refuses every write."""

    async def write(self, _: Callable[[Tx], T]) -> T:
        raise Unavailable("database_away", "The disk is full.", retry_after_seconds=2)

    async def read(self, _: Callable[[Tx], T]) -> T:
        raise NotImplementedError


@asynccontextmanager
async def followed(
    domain: Domain, progress: Progress | None = None, **options: Any
) -> AsyncIterator[asyncio.Task[None]]:
    """A followed stream, once it is open and the first sweeps are done."""
    task = asyncio.create_task(follow(domain.pinned, domain.settler, domain.sweeper, progress or Progress(), **options))
    await until(lambda: bool(domain.core._subscriptions) and domain.sweeper._stream_since is not None)
    yield task
    task.cancel()
    await asyncio.wait([task])


async def ending_of(task: asyncio.Task[None]) -> str:
    """The code with which a stream ended."""
    with pytest.raises(TuppenceError) as ending:
        await asyncio.wait_for(task, 20)
    return ending.value.code


async def is_settled(domain: Domain, invoice: Invoice) -> bool:
    return (await domain.row(invoice)).settled_at is not None


async def test_a_settlement_is_credited_as_soon_as_the_stream_reports_it(domain: Domain, node: ObservedNode) -> None:
    async with followed(domain):
        invoice = await domain.sell()
        domain.pay(invoice)
        await until(lambda: is_settled(domain, invoice))
        assert node.asked("lookup", "list_invoices") == 0
        assert domain.sweeper.found == 0


async def test_a_stream_that_reports_everything_twice_and_shuffled_credits_once(domain: Domain) -> None:
    async with followed(domain):
        domain.core.quirks.duplicate_events = domain.core.quirks.hold_events = True
        invoices = await domain.sell_many(12)
        for invoice in invoices:
            domain.pay(invoice)
        domain.core.release_events(shuffled=True)
        await until(lambda: len(domain.announced) == 12)
        await unless_changed(lambda: len(domain.announced) == 12)
        assert (await domain.balances())["creator:alice"] == 12 * 70_000


async def test_what_settled_before_the_stream_opened_is_found_by_the_sweep(domain: Domain) -> None:
    invoice = await domain.sell()
    domain.pay(invoice)
    async with followed(domain):
        await until(lambda: is_settled(domain, invoice))


async def test_what_settled_while_the_stream_was_being_opened_is_found_by_the_second_sweep(
    domain: Domain, node: ObservedNode
) -> None:
    domain.core.quirks.drop_events = True
    invoice = await domain.sell()
    async with followed(domain, second_sweep_after_seconds=0.2):
        assert node.asked("lookup") == 1
        domain.pay(invoice)
        await until(lambda: is_settled(domain, invoice))
        assert node.asked("lookup") == 2


async def test_what_settled_before_a_subscription_that_took_long_stood_is_found_later(
    domain: Domain, node: ObservedNode
) -> None:
    domain.core.quirks.drop_events = True
    invoice = await domain.sell()
    async with followed(domain, Progress(backoff=Backoff(longest_seconds=0.2)), second_sweep_after_seconds=0.0):
        await until(lambda: node.asked("lookup") == 2)
        domain.pay(invoice)
        await until(lambda: is_settled(domain, invoice))


async def test_a_stream_that_says_nothing_loses_nothing(domain: Domain) -> None:
    domain.core.quirks.drop_events = True
    async with followed(domain) as task:
        invoice = await domain.sell()
        domain.clock.advance(SUBSCRIBED_WITHIN_SECONDS + 1)
        domain.pay(invoice)
        domain.clock.now = invoice.expires_at + 5
        await domain.sweeper.sweep(due_only=True)
        assert await is_settled(domain, invoice)
        assert await ending_of(task) == "stream_deaf"


async def test_a_node_that_breaks_off_its_stream_ends_it(domain: Domain) -> None:
    async with followed(domain) as task:
        domain.core.restart()
        assert await ending_of(task) == "node_away"
        assert domain.sweeper._stream_since is None


@pytest.mark.parametrize(
    ("state", "code"),
    [(NodeState.ABSENT, "node_away"), (NodeState.LOCKED, "node_locked"), (NodeState.STARTING, "node_starting")],
)
async def test_a_node_that_is_not_ready_is_not_followed(domain: Domain, state: NodeState, code: str) -> None:
    domain.core.state = state
    task = asyncio.create_task(follow(domain.pinned, domain.settler, domain.sweeper, Progress()))
    assert await ending_of(task) == code
    assert domain.core._subscriptions == []


async def test_another_node_under_the_same_name_is_not_followed(domain: Domain, node: ObservedNode) -> None:
    async with followed(domain):
        pass
    node._core = other = Simulator(clock=domain.clock, random_bytes=lambda size: b"\5" * size)
    task = asyncio.create_task(follow(domain.pinned, domain.settler, domain.sweeper, Progress()))
    assert await ending_of(task) == "node_changed"
    assert other._subscriptions == []


async def test_a_node_that_ends_its_stream_without_an_error_is_away(domain: Domain) -> None:
    class Silent(ObservedNode):
        """A node whose stream ends at once."""

        async def subscribe(self) -> AsyncGenerator[NodeInvoice]:
            nothing: list[NodeInvoice] = []
            for report in nothing:
                yield report

    settler = Settler(Silent(domain.core), domain.store, domain.clock, Announced())
    task = asyncio.create_task(follow(domain.pinned, settler, domain.sweeper, Progress()))
    assert await ending_of(task) == "node_away"


async def test_a_database_that_is_away_closes_the_stream_rather_than_park_it(domain: Domain) -> None:
    settler = Settler(domain.node, BrokenStore(), domain.clock, Announced())
    task = asyncio.create_task(follow(domain.pinned, settler, domain.sweeper, Progress()))
    await until(lambda: bool(domain.core._subscriptions))
    domain.pay(await domain.sell())
    assert await ending_of(task) == "database_away"
    assert domain.core._subscriptions == []


async def test_a_database_that_is_slow_closes_the_stream_when_too_much_waits(
    domain: Domain,
) -> None:
    async with followed(domain, most_unbooked=3) as task:
        invoices = await domain.sell_many(2)
        domain.core.quirks.hold_events = True
        for invoice in invoices:
            domain.pay(invoice)
        domain.core.quirks.duplicate_events = True
        for _ in range(5):
            domain.core.keysend(1_000)
        for _ in range(3):
            domain.core.add_invoice(preimage=b"", amount_msat=1_000, memo="", expiry_seconds=60)
        domain.core.release_events()
        assert await ending_of(task) == "database_away"
    assert domain.core._subscriptions == []


async def test_a_stream_that_is_let_go_leaves_nothing_behind(domain: Domain, caplog: pytest.LogCaptureFixture) -> None:
    async with followed(domain):
        pass
    assert domain.core._subscriptions == []
    assert asyncio.all_tasks() == {asyncio.current_task()}
    gc.collect()
    assert caplog.records == []


async def test_a_stream_whose_parts_fail_together_leaves_nothing_behind(
    domain: Domain, node: ObservedNode, caplog: pytest.LogCaptureFixture
) -> None:
    await domain.sell_many(3)
    node.failing = {name: Unavailable("node_away", "gone") for name in ("lookup", "subscribe")}
    task = asyncio.create_task(follow(domain.pinned, domain.settler, domain.sweeper, Progress()))
    assert await ending_of(task) == "node_away"
    del task
    gc.collect()
    assert caplog.records == []


async def test_a_connection_is_no_progress_and_a_booking_is(domain: Domain) -> None:
    progress = Progress(failures=7)
    async with followed(domain, progress):
        await unless_changed(lambda: progress.failures == 7)
        domain.pay(await domain.sell())
        await until(lambda: progress.failures == 0)


async def test_a_stream_that_outlives_the_longest_backoff_is_progress(
    domain: Domain,
) -> None:
    backoff = Backoff(longest_seconds=0.05)
    progress = Progress(failures=7, last_error="the node was away", backoff=backoff)
    async with followed(domain, progress, second_sweep_after_seconds=0.0):
        await until(lambda: progress.failures == 0)
        assert progress.last_error == ""


async def test_a_node_that_restarts_is_followed_again_and_owes_nothing(
    domain: Domain,
) -> None:
    supervisor = Supervisor(Backoff(first_seconds=0.01))

    async def work(progress: Progress) -> None:
        await follow(domain.pinned, domain.settler, domain.sweeper, progress)

    async with supervisor.supervise("follow", work):
        await until(lambda: bool(domain.core._subscriptions))
        invoices = await domain.sell_many(4)
        for invoice in invoices:
            domain.core.state = NodeState.ABSENT
            domain.core.restart()
            domain.pay(invoice)
            domain.core.state = NodeState.READY
            await until(lambda paid=invoice: is_settled(domain, paid))  # type: ignore[misc]  # bound in the loop
        assert supervisor.dead() == []
    assert domain.announced == [invoice.payment_hash for invoice in invoices]


async def test_a_stalled_stream_is_opened_again(domain: Domain) -> None:
    opened: list[Sweeper] = []

    async def work(progress: Progress) -> None:
        opened.append(domain.sweeper)
        await follow(domain.pinned, domain.settler, domain.sweeper, progress)

    async with Supervisor(Backoff(first_seconds=0.01)).supervise("follow", work):
        await until(lambda: domain.sweeper._stream_since is not None)
        domain.core.quirks.drop_events = True
        first, second = await domain.sell_many(2)
        domain.clock.advance(SUBSCRIBED_WITHIN_SECONDS + 1)
        domain.pay(first)
        domain.clock.now = first.expires_at - 60
        await domain.sweeper.sweep()
        await until(lambda: len(opened) == 2 and domain.sweeper._stream_since is not None)
        domain.core.quirks.drop_events = False
        domain.pay(second)
        await until(lambda: is_settled(domain, second))
