"""Settlements booked on PostgreSQL by one, two and three replicas, of which one settles and all read the feed."""

import asyncio
import time
from collections.abc import Sequence

from sqlalchemy import text

from gateway.store.engines.database import read_database
from tests.support.clock import until
from tools.bench.bench import Bench
from tools.bench.figure import Line, line_of
from tools.bench.processes import Child
from tools.bench.served import Served, invoices_url

COUNTS = (1, 2, 3)
SETTLEMENTS, WORKERS, ROUNDS = 3_000, 16, 5
PATIENCE_SECONDS = 120.0
_BOOKED = text("SELECT COUNT(*) FROM events")


async def measure(bench: Bench) -> list[Line]:
    """Alternating rounds on the simulator, which settles thousands at once."""
    rates: dict[int, list[float]] = {count: [] for count in COUNTS}
    async with bench.driver() as driver:
        for number in range(ROUNDS):
            for count in COUNTS:
                bench.report(f"settlement: {count} replicas, round {number + 1} of {ROUNDS}")
                async with bench.replicas(f"settlement_{count}", count, kind="simulated") as replicas:
                    rates[count].append(await _settle(bench, driver, replicas, f"settlement_{count}"))
    note = f"{SETTLEMENTS} at once, on the simulator, PostgreSQL with fsync"
    return [
        *(line_of(f"settlements booked by {_replicas(count)}", rates[count], "/s", note=note) for count in COUNTS),
        *(line_of(f"{_replicas(count)} against 1", _ratios(rates[count], rates[1]), "") for count in COUNTS[1:]),
    ]


async def _settle(bench: Bench, driver: Child, replicas: Sequence[Served], database: str) -> float:
    """Invoices by every replica, then all are paid; gives how many were booked in a second."""
    url = (await bench.cluster()).url(database)
    each = SETTLEMENTS // len(replicas) - WORKERS
    before = await _booked(url)
    for replica in replicas:
        await driver.ask(do="post", url=invoices_url(replica), workers=WORKERS, requests=each)
    wanted = before + (each + WORKERS) * len(replicas)
    node = await bench.node("simulated")
    began = time.monotonic()
    paying = asyncio.create_task(node.pay_all((), bench.report))

    async def is_done() -> bool:
        return await _booked(url) >= wanted

    await until(is_done, patience_seconds=PATIENCE_SECONDS)
    seconds = time.monotonic() - began
    await paying
    return (wanted - before) / seconds


async def _booked(url: str) -> int:
    return await read_database(url, lambda books: int(books.execute(_BOOKED).scalar_one()))


def _replicas(count: int) -> str:
    return f"{count} replica{'s' if count > 1 else ''}"


def _ratios(some: Sequence[float], others: Sequence[float]) -> list[float]:
    return [a / b for a, b in zip(some, others, strict=True)]
