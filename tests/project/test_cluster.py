"""`make cluster` as its users run it: PostgreSQL, three gateways and nginx, and a line that pays."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from gateway.store.engines.database import read_database
from tests.support.clock import until
from tests.support.processes.demo_process import ready, stop
from tools.bench.aimed import AimedBench
from tools.bench.figures.told import added_ms, settlements
from tools.bench.replicas import holders, lease_id
from tools.bench.served import ITEM
from tools.running_cluster import FILE, Aim, NotRunning
from tools.torture.takeovers import take_over_at

START_SECONDS = 120.0

pytestmark = pytest.mark.postgres


async def test_a_cluster_sells_and_tells_through_nginx_whichever_replica_is_asked(tmp_path: Path) -> None:
    async with running_cluster(tmp_path) as (process, front):
        await _buy_and_pay(process, front)
    assert not (tmp_path / FILE).exists()


async def test_torture_and_bench_aim_at_a_running_cluster(tmp_path: Path) -> None:
    async with running_cluster(tmp_path) as (_, front):
        aim = Aim(tmp_path / FILE)
        tally = await take_over_at(aim, tmp_path, takeovers=1, seed=1, report=lambda _: None)
        assert (tally.takeovers, tally.kills, tally.is_clean) == (1, 1, True)
        assert not any(replica.served.has_ended() for replica in aim.replicas)
        async with AsyncExitStack() as stack:
            bench = AimedBench(aim, tmp_path, loop="asyncio", report=lambda _: None, stack=stack)
            session = await stack.enter_async_context(aiohttp.ClientSession())
            served = await stack.enter_async_context(bench.gateway("told"))
            node = await bench.node()
            settled_at = await stack.enter_async_context(settlements(node))
            assert served.url == front
            assert await added_ms(session, served, node, settled_at) < 5_000
            (settling,) = await stack.enter_async_context(bench.replicas("told_apart", 1))
            assert [lease_id(settling.folder)] == await read_database(aim.address.database_url, holders)


def test_what_aims_at_no_cluster_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="make cluster"):
        Aim(tmp_path / FILE)


@asynccontextmanager
async def running_cluster(folder: Path) -> AsyncIterator[tuple[Process, str]]:
    """`make cluster` in a folder, and the address that it is reached at."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tools.cluster", cwd=folder, env=environment, stdin=PIPE, stdout=PIPE
    )
    try:
        yield process, await ready(process, START_SECONDS)
    finally:
        status = await stop(process)
    assert status == 0


async def _buy_and_pay(process: Process, front: str) -> None:
    assert process.stdin is not None, "it was started with a pipe"
    async with aiohttp.ClientSession() as session:

        async def buy() -> str:
            async with session.post(f"{front}/v1/items/{ITEM}/invoices") as answer:
                assert answer.status == 201
                return str((await answer.json())["payment_hash"])

        async def states() -> set[str]:
            answers = [await session.get(f"{front}/v1/invoices/{key}") for key in bought for _ in range(3)]
            return {(await answer.json())["state"] for answer in answers}

        async def is_told() -> bool:
            return await states() == {"settled"}

        bought = [await buy() for _ in range(3)]
        assert await states() == {"open"}
        process.stdin.write(b"settle-open\n")
        await until(is_told)
