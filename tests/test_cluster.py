"""`make cluster` as its users run it: PostgreSQL, three gateways and nginx, and a line that pays."""

import asyncio
import sys
from asyncio.subprocess import PIPE

import aiohttp
import pytest

from tests.bench.served import ITEM
from tests.clock import until
from tests.demo_process import ready, stop

START_SECONDS = 120.0

pytestmark = pytest.mark.postgres


async def test_a_cluster_sells_and_tells_through_nginx_whichever_replica_is_asked() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.replicas", stdin=PIPE, stdout=PIPE)
    try:
        await _buy_and_pay(process, await ready(process, START_SECONDS))
    finally:
        status = await stop(process)
    assert status == 0


async def _buy_and_pay(process: asyncio.subprocess.Process, front: str) -> None:
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
