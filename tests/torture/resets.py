"""T5: the connection between gateway and node reset, sliced, delayed, cut when idle and swallowed, under payments."""

import asyncio
from pathlib import Path
from random import Random

from gateway.regtest.process import Report
from tests.bench.nodes import open_simulator
from tests.bench.served import put_on_sale
from tests.tcp_proxy import tcp_proxy
from tests.torture.rig import Rig
from tests.torture.tally import Tally

PAYMENTS_PER_RESET = 10
BLACK_HOLE_EVERY = 20


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
                await rig.stock(served, PAYMENTS_PER_RESET)
                if number % BLACK_HOLE_EVERY == BLACK_HOLE_EVERY // 2:
                    proxy.forget()
                paying = asyncio.create_task(rig.pay(PAYMENTS_PER_RESET))
                await asyncio.sleep(rig.rng.uniform(0, 0.1))
                if number % BLACK_HOLE_EVERY != BLACK_HOLE_EVERY // 2:
                    proxy.reset()
                await paying
                longest = max(longest, await rig.until_last_credited())
            await rig.open_some(served)
        return await rig.tally(resets=resets, longest_delay_seconds=longest)
