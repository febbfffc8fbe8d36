"""T4: three replicas on PostgreSQL; the one that settles is killed, stopped for 20 s or cut off, under payments."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from gateway.regtest.process import Report
from tests.support.postgres_server import Cluster, open_cluster
from tests.support.tcp_proxy import TcpProxy, tcp_proxy
from tools.bench.nodes import open_simulator, settings_of
from tools.bench.replicas import Replica, holders, open_replicas
from tools.running_cluster import Aim, AimedReplica
from tools.torture.rig import LOOK_SECONDS, PATIENCE_SECONDS, Rig
from tools.torture.tally import Failed, Tally, slower

REPLICAS = 3
PAYMENTS = 60
PAYMENT_EVERY_SECONDS = 0.01
STOPPED_SECONDS = 20.0
TAKEOVER_SECONDS = 10.0
"""From a fault of the one that settles until another one has credited everything."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A replica, and its way to the database where we laid it."""

    replica: Replica | AimedReplica
    proxy: TcpProxy | None = None


@asynccontextmanager
async def killed(placed: Placed) -> AsyncIterator[None]:
    """Its process ends without a word, and starts again once another has taken over."""
    placed.replica.served.kill()
    yield
    await placed.replica.start()


@asynccontextmanager
async def stopped(placed: Placed) -> AsyncIterator[None]:
    """Its process stands still, in the middle of whatever it does, and goes on 20 s later."""
    served, began = placed.replica.served, time.monotonic()
    served.signal(signal.SIGSTOP)
    try:
        yield
        await asyncio.sleep(max(0.0, STOPPED_SECONDS - (time.monotonic() - began)))
    finally:
        served.signal(signal.SIGCONT)


@asynccontextmanager
async def refused(placed: Placed) -> AsyncIterator[None]:
    """Its connections to the database end, and it gets no new ones."""
    assert placed.proxy is not None, "there is a way to cut"
    placed.proxy.refuse()
    yield
    placed.proxy.pass_on()


@asynccontextmanager
async def swallowed(placed: Placed) -> AsyncIterator[None]:
    """Its connections to the database stay, and nothing passes."""
    assert placed.proxy is not None, "there is a way to cut"
    placed.proxy.swallow()
    yield
    placed.proxy.pass_on()


Fault = Callable[[Placed], AbstractAsyncContextManager[None]]
FAULTS: Sequence[Fault] = (killed, refused, stopped, swallowed)


async def take_over(folder: Path, *, takeovers: int, seed: int, report: Report) -> Tally:
    """So many takeovers, of replicas of our own. Raises `Failed`."""
    with open_cluster({}) as server:
        await server.execute("CREATE DATABASE tuppence")
        async with AsyncExitStack() as stack:
            node = await stack.enter_async_context(open_simulator(folder / "lnd"))
            rig = Rig(folder, node, Random(seed), books_url=server.url("tuppence"))
            placed = await _place(rig, server, stack)
            return await _break(rig, placed, FAULTS, takeovers, report)


async def take_over_at(aim: Aim, folder: Path, *, takeovers: int, seed: int, report: Report) -> Tally:
    """The same of the cluster that `make cluster` runs; its way to the database is not ours to cut. Raises `Failed`."""
    rig = Rig(folder, aim.node, Random(seed), books_url=aim.address.database_url)
    rig.credited_before = await rig.credited()
    return await _break(rig, [Placed(replica) for replica in aim.replicas], (killed, stopped), takeovers, report)


async def _break(rig: Rig, placed: Sequence[Placed], faults: Sequence[Fault], takeovers: int, report: Report) -> Tally:
    seconds: list[float] = []
    for number in range(takeovers):
        fault = faults[number % len(faults)]
        seconds.append(await _take_over(rig, placed, fault))
        report(f"{number + 1} takeovers, {len(rig.paid)} payments; {fault.__name__}: {seconds[-1]:.1f} s")
    for each in placed:
        await rig.open_some(each.replica.served)
    late = sum(each > TAKEOVER_SECONDS for each in seconds)
    slowest = faults[seconds.index(max(seconds)) % len(faults)].__name__
    return await rig.tally(
        takeovers=takeovers,
        kills=sum(faults[number % len(faults)] is killed for number in range(takeovers)),
        longest_delay_seconds=max(seconds),
        slow=slower(f"{late} of {takeovers} takeovers, the longest ({slowest})", max(seconds), TAKEOVER_SECONDS),
        notes=(f"{takeovers} takeovers, the longest {max(seconds):.1f} s, {late} over {TAKEOVER_SECONDS:.0f} s",),
    )


async def _place(rig: Rig, server: Cluster, stack: AsyncExitStack) -> list[Placed]:
    """Three replicas, each behind a proxy of its own."""
    proxies = [await stack.enter_async_context(tcp_proxy(f"127.0.0.1:{server.port}")) for _ in range(REPLICAS)]
    urls = [server.tcp_url("tuppence", int(proxy.target.rpartition(":")[2])) for proxy in proxies]
    opened = open_replicas(rig.folder, settings_of(rig.node), urls, loop="asyncio")
    replicas = await stack.enter_async_context(opened)
    return [Placed(replica, proxy) for replica, proxy in zip(replicas, proxies, strict=True)]


async def _take_over(rig: Rig, placed: Sequence[Placed], fault: Fault) -> float:
    """The seconds from a fault of the one that settles until all is credited, before, during and after it."""
    holder = await _holder(rig, placed)
    seller = rig.rng.choice([each for each in placed if each is not holder])
    await rig.stock(seller.replica.served, PAYMENTS)
    paying = asyncio.create_task(_pay_steadily(rig))
    await asyncio.sleep(rig.rng.uniform(0, PAYMENTS * PAYMENT_EVERY_SECONDS))
    began = time.monotonic()
    async with fault(holder):
        await paying
        await rig.until_credited()
        return time.monotonic() - began


async def _pay_steadily(rig: Rig) -> None:
    for _ in range(PAYMENTS):
        await rig.pay_one()
        await asyncio.sleep(PAYMENT_EVERY_SECONDS)


async def _holder(rig: Rig, placed: Sequence[Placed]) -> Placed:
    """The one that settles, once there is one."""
    began = time.monotonic()
    by_id = {each.replica.lease_id: each for each in placed}
    while time.monotonic() - began < PATIENCE_SECONDS:
        settling = await rig.look(holders)
        if len(settling) == 1:
            return by_id[settling[0]]
        await asyncio.sleep(LOOK_SECONDS)
    raise Failed("nobody settles")
