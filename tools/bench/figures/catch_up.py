"""Ten thousand settlements made while the gateway was away, booked from its start to the last commit."""

import asyncio
import sqlite3
import time
from pathlib import Path

from tools.bench.bench import Bench, NodeKind
from tools.bench.figure import Line
from tools.bench.nodes import Payable
from tools.bench.served import invoices_url

SETTLEMENTS = 10_000
WORKERS = 32
LOOK_SECONDS = 0.01
PATIENCE_SECONDS = 120.0


async def measure(bench: Bench) -> list[Line]:
    """On the simulator, for paying ten thousand invoices takes minutes; `--real` does it on the network."""
    kind: NodeKind = "regtest" if bench.real_catch_up else "simulated"
    node = await bench.node(kind)
    async with bench.gateway("catch_up", kind=kind) as served, bench.driver() as driver:
        bench.report(f"catch_up: {SETTLEMENTS} invoices")
        await driver.ask(do="post", url=invoices_url(served), workers=WORKERS, requests=SETTLEMENTS - WORKERS)
        database = served.database
    unpaid = _open_invoices(database)
    bench.report(f"catch_up: {len(unpaid)} payments while the gateway is away")
    await node.pay_all(unpaid, bench.report)
    async with bench.gateway("catch_up", kind=kind) as served:
        bench.report("catch_up: booking")
        booked_at = await _last_commit(database, len(unpaid))
        computed = served.cpu_seconds()
    seconds = booked_at - served.started_at
    return [
        Line(
            what="settlements caught up with, from the start on",
            value=len(unpaid) / seconds,
            unit="/s",
            at_least=3_000,
            note=f"{len(unpaid)} on {node.name}, SQLite at synchronous FULL",
        ),
        Line(what="from the start to the last commit", value=seconds, unit="s"),
        Line(what="from ready to the last commit", value=booked_at - served.ready_at, unit="s"),
        Line(what="CPU of the gateway for it, its start included", value=computed, unit="s"),
    ]


def _open_invoices(database: Path) -> list[Payable]:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        rows = connection.execute("SELECT payment_hash, payment_request FROM invoices WHERE state = 'open'")
        return [Payable(*row) for row in rows]


async def _last_commit(database: Path, expected: int) -> float:
    """When the last event was committed, as another connection sees it."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                row = connection.execute("SELECT value FROM counters WHERE name = 'event_position'").fetchone()
                if row is not None and row[0] >= expected:
                    return time.monotonic()
                await asyncio.sleep(LOOK_SECONDS)
    finally:
        connection.close()
