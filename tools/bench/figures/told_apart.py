"""From LND's own settlement event to the reader of either of two replicas, while 5,000 wait at each of them."""

from statistics import median

import aiohttp

from tools.bench.bench import Bench
from tools.bench.figure import Line, percentile
from tools.bench.figures.told import added_ms, settlements
from tools.bench.nodes import BenchNode
from tools.bench.served import Served, buy

PAYMENTS = 100
IDLE_READERS = 5_000
WHO = ("the replica that settles", "the other replica")


async def measure(bench: Bench) -> list[Line]:
    """One payment at a time, first without and then with the readers who wait."""
    node = await bench.node()
    async with (
        bench.replicas("told_apart", 2) as servers,
        bench.driver() as first,
        bench.driver() as second,
        aiohttp.ClientSession() as session,
    ):
        alone = [await _told(bench, session, served, node) for served in servers]
        for served, readers in zip(servers, (first, second), strict=True):
            bench.report(f"told_apart: {IDLE_READERS} readers begin to wait")
            urls = [(await buy(session, served))["events_url"] for _ in range(IDLE_READERS)]
            await readers.ask(do="wait", urls=urls)
        crowded = [await _told(bench, session, served, node) for served in servers]
    return [
        line for who, few, many in zip(WHO, alone, crowded, strict=True) for line in _lines(who, few=few, many=many)
    ]


async def _told(bench: Bench, session: aiohttp.ClientSession, served: Served, node: BenchNode) -> list[float]:
    async with settlements(node) as settled_at:
        added = []
        for number in range(PAYMENTS):
            bench.report(f"told_apart: payment {number + 1} of {PAYMENTS}")
            added.append(await added_ms(session, served, node, settled_at))
    return added


def _lines(who: str, *, few: list[float], many: list[float]) -> list[Line]:
    note = f"{PAYMENTS} payments, {IDLE_READERS} idle readers at each replica"
    return [
        Line(what=f"told by {who}, p50", value=median(many), unit="ms", note=note, samples=many),
        Line(what=f"told by {who}, p99", value=percentile(many, 99), unit="ms"),
        Line(what=f"told by {who}, p50, against nobody else waiting", value=median(many) / median(few), unit=""),
    ]
