"""T8 and T9: the node out of reach, and PostgreSQL stopped, for a minute in which 50 payments a second settle."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from random import Random

import aiohttp

from gateway.regtest.process import Report
from tests.support.postgres_server import Cluster, open_cluster
from tests.support.tcp_proxy import TcpProxy, tcp_proxy
from tools.bench.nodes import open_simulator
from tools.bench.processes import Child, open_child
from tools.bench.served import Served, buy, invoices_url, put_on_sale
from tools.torture.rig import Rig
from tools.torture.tally import Failed, Tally, slower
from tools.torture.waiters import delays

PER_SECOND = 50
BEFORE_SECONDS = 1
ASK_EVERY_SECONDS = 0.25
REFUSED_SECONDS = 1.0
"""The longest time of a refusal. The first one may wait for a deadline."""
CREDITED_SECONDS = 10.0
"""From the end of an outage until all that was paid is credited."""


async def without_node(folder: Path, *, seconds: int, seed: int, report: Report) -> Tally:
    """So long nothing passes between a gateway on SQLite and its node. Raises `Failed`."""
    async with open_simulator(folder / "lnd") as node, tcp_proxy(node.credentials.target) as proxy:
        rig = Rig(folder, node, Random(seed), variables={"TUPPENCE_LND_TARGET": proxy.target})
        return await _endure(rig, "the node", _swallowed(proxy), seconds, report) + Tally(resets=1)


async def without_database(folder: Path, *, seconds: int, seed: int, report: Report) -> Tally:
    """So long PostgreSQL is down, after a stop without a word. Raises `Failed`."""
    with open_cluster({}) as server:
        await server.execute("CREATE DATABASE tuppence")
        async with open_simulator(folder / "lnd") as node:
            url = server.url("tuppence")
            rig = Rig(folder, node, Random(seed), variables={"TUPPENCE_DATABASE_URL": url}, books_url=url)
            return await _endure(rig, "the database", _stopped(server), seconds, report)


@asynccontextmanager
async def _swallowed(proxy: TcpProxy) -> AsyncIterator[None]:
    proxy.swallow()
    yield
    proxy.pass_on()


@asynccontextmanager
async def _stopped(server: Cluster) -> AsyncIterator[None]:
    await asyncio.to_thread(server.control, "-m", "immediate", "stop")
    yield
    await asyncio.to_thread(server.control, "start")


async def _endure(
    rig: Rig, what: str, outage: AbstractAsyncContextManager[None], seconds: int, report: Report
) -> Tally:
    code = "from tools.bench.load import main; main()"
    async with (
        rig.gateway() as served,
        open_child(code, loop="asyncio", cwd=rig.folder, log=rig.folder / "log") as readers,
    ):
        await put_on_sale(served)
        report("readers begin to wait")
        await rig.stock(served, (BEFORE_SECONDS + seconds) * PER_SECOND)
        await readers.ask(do="wait", urls=[invoice["events_url"] for invoice in rig.unpaid])
        paying = asyncio.create_task(_pay_steadily(rig))
        await asyncio.sleep(BEFORE_SECONDS)
        report(f"{what} goes away")
        async with outage:
            refused = await _ask_in_vain(served, what, seconds)
            await paying
        credited, told = await _recover(rig, readers, time.monotonic())
        await _sell_again(served)
        await rig.open_some(served)
    late, slowest = sum(each > REFUSED_SECONDS for each in refused), max(refused, default=0.0)
    return await rig.tally(
        longest_delay_seconds=told,
        slow=(
            *slower(f"{late} of {len(refused)} sales refused while {what} was away", slowest, REFUSED_SECONDS),
            *slower(f"credited after {what} was away", credited, CREDITED_SECONDS),
        ),
        notes=(
            f"{what} was away for {seconds} s: {len(rig.paid)} payments credited within {credited:.1f} s of its return,"
            f" all told within {told:.1f} s; {len(refused)} more sales refused, each within {slowest * 1000:.0f} ms",
        ),
    )


async def _pay_steadily(rig: Rig) -> None:
    began = time.monotonic()
    for number in range(len(rig.unpaid)):
        await asyncio.sleep(began + number / PER_SECOND - time.monotonic())
        await rig.pay_one()


async def _ask_in_vain(served: Served, what: str, seconds: int) -> list[float]:
    """The seconds that each refusal took, without the first. Raises `Failed` for another answer."""
    took: list[float] = []
    ends_at = time.monotonic() + seconds
    async with aiohttp.ClientSession() as session:
        while (began := time.monotonic()) < ends_at:
            async with session.post(invoices_url(served)) as response:
                if response.status != 503 or int(response.headers.get("Retry-After", 0)) < 1:
                    raise Failed(f"without {what} a sale was answered {response.status}: {await response.text()}")
            took.append(time.monotonic() - began)
            await asyncio.sleep(ASK_EVERY_SECONDS)
    return took[1:]


async def _recover(rig: Rig, readers: Child, since: float) -> tuple[float, float]:
    """Seconds until all is credited, and until all are told on the streams that they opened before. Raises `Failed`."""
    waiting = dict.fromkeys((invoice["events_url"] for invoice in rig.paid), since)
    credited, told = await asyncio.gather(rig.until_credited(since=since), delays(readers, waiting))
    return credited, max(told)


async def _sell_again(served: Served) -> None:
    async with aiohttp.ClientSession() as session:
        try:
            await buy(session, served)
        except RuntimeError as error:
            raise Failed(f"a sale after an outage was refused: {error}") from error
