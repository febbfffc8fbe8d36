"""T5: the connection between gateway and node reset, sliced, delayed, cut when idle and swallowed, under payments."""

import asyncio
from pathlib import Path
from random import Random

from gateway.regtest.process import Report
from tests.support.tcp_proxy import TcpProxy, tcp_proxy
from tools.bench.nodes import open_simulator
from tools.bench.served import Served, put_on_sale
from tools.torture.rig import Rig
from tools.torture.tally import Tally, slower

PAYMENTS_PER_RESET = 10
IDLE_EVERY, BLACK_HOLE_EVERY = 5, 20
# Shorter than the time between two heartbeats: every quiet connection is cut.
IDLE_SECONDS = 0.3
CREDITED_SECONDS = 60.0


async def reset(folder: Path, *, resets: int, seed: int, report: Report) -> Tally:
    """So many resets. No payment waits longer than a minute for its credit. Raises `Failed`."""
    async with open_simulator(folder / "lnd") as node, tcp_proxy(node.credentials.target) as proxy:
        rig = Rig(folder, node, Random(seed), variables={"TUPPENCE_LND_TARGET": proxy.target})
        longest = 0.0
        async with rig.gateway() as served:
            await put_on_sale(served)
            for number in range(resets):
                report(f"{number} resets, {len(rig.paid)} payments")
                proxy.chunk_bytes = rig.rng.choice([65_536, 65_536, 1, 100])
                proxy.delay_seconds = rig.rng.choice([0.0, 0.0, 0.001]) if proxy.chunk_bytes > 1 else 0.0
                await _reset_under_payments(rig, served, proxy, number)
                longest = max(longest, await rig.until_credited(since=rig.last_paid_at))
            await rig.open_some(served)
        slow = slower(f"credited after one of {resets} resets", longest, CREDITED_SECONDS)
        return await rig.tally(resets=resets, longest_delay_seconds=longest, slow=slow)


async def _reset_under_payments(rig: Rig, served: Served, proxy: TcpProxy, number: int) -> None:
    is_black_hole = number % BLACK_HOLE_EVERY == BLACK_HOLE_EVERY // 2
    is_idle = number % IDLE_EVERY == IDLE_EVERY - 1
    proxy.idle_seconds = IDLE_SECONDS if is_idle else None
    await rig.stock(served, PAYMENTS_PER_RESET)
    if is_black_hole:
        proxy.forget()
    elif is_idle:
        await asyncio.sleep(rig.rng.uniform(1, 3) * IDLE_SECONDS)
    paying = asyncio.create_task(rig.pay(PAYMENTS_PER_RESET))
    await asyncio.sleep(rig.rng.uniform(0, 0.1))
    if not (is_black_hole or is_idle):
        proxy.reset()
    await paying
    proxy.idle_seconds = None
