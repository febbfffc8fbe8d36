"""T8: the node restarted under payments: a simulated one, and a real LND on regtest, gently and by SIGKILL."""

import asyncio
import time
from contextlib import suppress
from pathlib import Path
from random import Random

import grpc

from gateway.regtest.lifetime import open_network
from gateway.regtest.network import Network
from gateway.regtest.process import Report
from tools.bench.nodes import RegtestNode, open_simulator
from tools.bench.served import Served, put_on_sale
from tools.torture.rig import Rig
from tools.torture.tally import Tally, slower

PAYMENTS_PER_RESTART = 40
CREDITED_SECONDS = 10.0
"""Since the node is ready again, or since the last payment if that came later."""


async def restart_simulated(folder: Path, *, restarts: int, seed: int, report: Report) -> Tally:
    """So many restarts of a simulated node. Raises `Failed`."""
    async with open_simulator(folder / "lnd") as node:
        rig, longest = Rig(folder, node, Random(seed)), 0.0
        async with rig.gateway() as served:
            await put_on_sale(served)
            for number in range(restarts):
                report(f"{number} restarts, {len(rig.paid)} payments")
                await rig.stock(served, PAYMENTS_PER_RESTART)
                await rig.pay(PAYMENTS_PER_RESTART // 2)
                await node.tell("restart")
                await rig.pay(PAYMENTS_PER_RESTART // 2)
                longest = max(longest, await rig.until_credited(since=rig.last_paid_at))
            await rig.open_some(served)
        return await _tally(rig, "a simulated node's", restarts, longest)


async def restart_real(folder: Path, *, restarts: int, seed: int, report: Report) -> Tally:
    """So many restarts of a real LND, every second one by SIGKILL. Raises `Failed`."""
    async with open_network(folder / "network", report=report) as network:
        node = await RegtestNode.of(network)
        rig, longest = Rig(folder, node, Random(seed)), 0.0
        async with rig.gateway() as served:
            await put_on_sale(served)
            for number in range(restarts):
                report(f"{number} restarts of LND, {len(rig.paid)} payments")
                ready_at = await _restart_under_payments(rig, served, network, crash=number % 2 == 1)
                longest = max(longest, await rig.until_credited(since=max(ready_at, rig.last_paid_at)))
            await rig.open_some(served)
        return await _tally(rig, "a real LND's", restarts, longest)


async def _tally(rig: Rig, whose: str, restarts: int, longest: float) -> Tally:
    slow = slower(f"credited after one of {whose} {restarts} restarts", longest, CREDITED_SECONDS)
    return await rig.tally(restarts=restarts, longest_delay_seconds=longest, slow=slow)


async def _restart_under_payments(rig: Rig, served: Served, network: Network, *, crash: bool) -> float:
    """When the node is ready again."""
    await rig.stock(served, PAYMENTS_PER_RESTART)
    paying = asyncio.create_task(_pay_what_can_be_paid(rig, PAYMENTS_PER_RESTART))
    await asyncio.sleep(rig.rng.uniform(0.1, 0.5))
    await network.restart_node("merchant", crash=crash)
    ready_at = time.monotonic()
    await paying
    return ready_at


async def _pay_what_can_be_paid(rig: Rig, count: int) -> None:
    """A payment that the restart fails is the payer's to make again; the node itself says what has settled."""
    for _ in range(count):
        with suppress(RuntimeError, grpc.aio.AioRpcError):
            await rig.pay_one()
