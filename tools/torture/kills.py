"""T1: `tuppence serve` killed again and again, 5 to 500 ms after it was ready, while readers buy and pay."""

import asyncio
from contextlib import suppress
from pathlib import Path
from random import Random

from gateway.regtest.process import Report
from tools.bench.served import put_on_sale
from tools.torture.databases import DatabaseKind, open_rig
from tools.torture.rig import Rig
from tools.torture.tally import Tally, slower

STOCK_EVERY = 20
# Of the start of its process: until it is ready, and until all that was paid before is credited.
READY_SECONDS, CREDITED_SECONDS = 3.0, 5.0


async def kill(folder: Path, *, database: DatabaseKind, kills: int, payments: int, seed: int, report: Report) -> Tally:
    """So many kills over so many payments. Raises `Failed`."""
    each, longest = -(-payments // kills), 0.0
    async with open_rig(folder, database, Random(seed)) as rig:
        for number in range(kills):
            if number % STOCK_EVERY == 0:
                longest = max(longest, await _stock(rig, each * min(STOCK_EVERY, kills - number), is_new=number == 0))
            report(f"{number} kills, {len(rig.paid)} payments")
            await _live_shortly(rig, each)
        async with rig.gateway() as served:
            longest = max(longest, await rig.until_credited(since=served.started_at))
            await rig.open_some(served)
        ready, where = rig.slowest_start_seconds, f"after one of {kills} kills on {database}"
        return await rig.tally(
            kills=kills,
            longest_delay_seconds=longest,
            slow=slower(f"ready {where}", ready, READY_SECONDS)
            + slower(f"credited {where}", longest, CREDITED_SECONDS),
            notes=(f"{kills} kills on {database}: ready within {ready:.1f} s each time",),
        )


async def _stock(rig: Rig, count: int, *, is_new: bool) -> float:
    """A longer life, in which all that was paid before is credited, and readers take invoices to be paid later."""
    async with rig.gateway() as served:
        if is_new:
            await put_on_sale(served)
        seconds = await rig.until_credited(since=served.started_at)
        await rig.stock(served, count)
        return seconds


async def _live_shortly(rig: Rig, payments: int) -> None:
    """A life of 5 to 500 ms. Half of the payments settle before it begins, the others while it lasts and ends."""
    await rig.pay(payments // 2)
    async with rig.gateway() as served:
        buying = asyncio.create_task(rig.go_on_buying(served))
        paying = asyncio.create_task(rig.pay(payments - payments // 2))
        await asyncio.sleep(rig.rng.uniform(0.005, 0.5))
        served.kill()
        await paying
        buying.cancel()
        with suppress(asyncio.CancelledError):
            await buying
