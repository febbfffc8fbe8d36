"""The memory that a reader costs who waits for a settlement."""

import asyncio

import aiohttp

from tools.bench.bench import Bench
from tools.bench.figure import Line
from tools.bench.served import buy

READERS = 5_000
WARM_UP = 200
SETTLE_SECONDS = 3.0


async def measure(bench: Bench) -> list[Line]:
    """One stream for each of five thousand invoices; the growth of the process, once it is warm."""
    async with bench.gateway("waiters") as served, bench.driver() as readers, aiohttp.ClientSession() as session:
        bench.report(f"waiters: {READERS} invoices")
        urls = [(await buy(session, served))["events_url"] for _ in range(READERS + WARM_UP)]
        await readers.ask(do="wait", urls=urls[:WARM_UP])
        before = served.resident_bytes()
        bench.report(f"waiters: {READERS} streams")
        await readers.ask(do="wait", urls=urls[WARM_UP:])
        await asyncio.sleep(SETTLE_SECONDS)
        after, computed = served.resident_bytes(), served.cpu_seconds()
        await asyncio.sleep(SETTLE_SECONDS)
        busy = (served.cpu_seconds() - computed) / SETTLE_SECONDS
    return [
        Line(
            what="memory per idle waiter",
            value=(after - before) / READERS / 1024,
            unit="KiB",
            at_most=20,
            note=f"{READERS} readers, {after / 2**20:.0f} MiB in all",
        ),
        Line(what="CPU of the gateway while they wait", value=busy * 100, unit="% of a core"),
    ]
