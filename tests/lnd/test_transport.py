"""T5: whatever the network does to the connection to LND, settlements are credited without a restart."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.errors import TuppenceError
from gateway.lnd.channel import OPTIONS
from gateway.rows import Invoice
from gateway.settlement.follow import follow
from gateway.simulator.core import Simulator
from gateway.simulator.server import SimulatedLnd, serve_simulator
from gateway.supervise import Progress, Supervisor
from tests.support.clock import QUICK_BACKOFF, FakeClock, until
from tests.support.domain import Domain, open_domain
from tests.support.nodes.lnd_client import client
from tests.support.tcp_proxy import TcpProxy, tcp_proxy

# LND's server sends GOAWAY (too_many_pings) to whom pings more often, or without a call under way (config.go).
LEAST_PING_INTERVAL_MS = 5_000


@dataclass(slots=True)
class Line:
    """The domain, following a node through a proxy."""

    domain: Domain
    proxy: TcpProxy
    simulated: SimulatedLnd


@pytest.fixture
async def line(tmp_path: Path, database_url: str) -> AsyncIterator[Line]:
    # The node's certificate is valid from now on, by the real clock.
    clock = FakeClock(time.time())
    async with (
        serve_simulator(tmp_path / "lnd", clock=clock) as simulated,
        tcp_proxy(simulated.target) as proxy,
        client(simulated, target=proxy.target) as node,
        open_domain(tmp_path, clock, simulated.core, database_url=database_url, node=node) as domain,
        followed(domain),
    ):
        yield Line(domain, proxy, simulated)


@asynccontextmanager
async def followed(domain: Domain) -> AsyncIterator[None]:
    async def work(progress: Progress) -> None:
        await follow(domain.pinned, domain.settler, domain.sweeper, progress)

    async with Supervisor(QUICK_BACKOFF).supervise("follow", work):
        await until(lambda: is_followed(domain.core))
        yield


def is_followed(core: Simulator) -> bool:
    return bool(core._subscriptions)


async def sell(domain: Domain) -> Invoice:
    """An invoice, as soon as the node answers."""
    sold: list[Invoice] = []

    async def is_sold() -> bool:
        try:
            sold.append(await domain.sell())
        except TuppenceError:
            return False
        return True

    await until(is_sold)
    return sold[-1]


async def is_credited(domain: Domain, invoice: Invoice) -> bool:
    return (await domain.row(invoice)).settled_at is not None


async def reset(line: Line) -> None:
    line.proxy.reset()


async def swallow_for_good(line: Line) -> None:
    line.proxy.forget()


async def forget_after_silence(line: Line) -> None:
    line.proxy.swallow()
    line.proxy.pass_on()


async def restart_the_node(line: Line) -> None:
    await line.simulated.restart()


async def go_away(line: Line) -> None:
    """A server that shuts down gracefully: GOAWAY first, the streams a moment later."""
    old = line.simulated._server
    await line.simulated.start()
    ending = asyncio.create_task(old.stop(0.05))
    line.simulated.core.restart()
    await ending


DISTURBANCES = [reset, swallow_for_good, forget_after_silence, restart_the_node, go_away]


@pytest.mark.parametrize("disturb", DISTURBANCES, ids=lambda each: each.__name__)
async def test_what_settles_while_the_connection_breaks_is_credited(
    line: Line, disturb: Callable[[Line], Awaitable[None]]
) -> None:
    before, meanwhile = await line.domain.sell(), await line.domain.sell()
    line.domain.pay(before)
    await until(lambda: is_credited(line.domain, before))
    await disturb(line)
    line.domain.pay(meanwhile)
    await until(lambda: is_credited(line.domain, meanwhile))
    afterwards = await sell(line.domain)
    line.domain.pay(afterwards)
    await until(lambda: is_credited(line.domain, afterwards))
    assert len(line.domain.announced) == 3


async def test_a_stream_in_single_bytes_is_read_like_any_other(line: Line) -> None:
    line.proxy.chunk_bytes = 1
    invoices = [await sell(line.domain) for _ in range(3)]
    for invoice in invoices:
        line.domain.pay(invoice)
    await until(lambda: len(line.domain.announced) == 3)
    assert line.domain.sweeper.found == 0, "the stream told them"


async def test_a_proxy_that_cuts_what_is_idle_costs_a_connection_and_no_payment(line: Line) -> None:
    line.proxy.idle_seconds = 0.05
    line.proxy.reset()
    invoice = await sell(line.domain)
    connections = line.proxy.connections
    await until(lambda: line.proxy.connections > connections)
    line.domain.pay(invoice)
    await until(lambda: is_credited(line.domain, invoice))


async def test_resets_in_the_middle_of_messages_lose_nothing(line: Line) -> None:
    line.proxy.chunk_bytes = 7
    for _ in range(8):
        invoice = await sell(line.domain)
        line.domain.pay(invoice)
        line.proxy.reset()
        await until(lambda paid=invoice: is_credited(line.domain, paid))  # type: ignore[misc]  # bound in the loop
    assert len(line.domain.announced) == 8


def test_the_client_pings_no_more_often_than_lnd_allows() -> None:
    options = dict(OPTIONS)
    assert options["grpc.keepalive_time_ms"] >= LEAST_PING_INTERVAL_MS
    assert options["grpc.keepalive_permit_without_calls"] == 0
    assert options["grpc.http2.max_pings_without_data"] == 0, "else Python's gRPC stops pinging after two"
