"""A million invoices in the books against a thousand, on SQLite: create, settle, open, start."""

import asyncio
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.clock import until
from tools.bench.bench import Bench
from tools.bench.bulk import fill
from tools.bench.figure import Line, line_of
from tools.bench.nodes import BenchNode, Payable
from tools.bench.served import ITEM, Served, buy

FEW, MANY = 1_000, 1_000_000
NAMES: Mapping[str, int] = {"books_few": FEW, "books_many": MANY}
INVOICES, ROUNDS = 1_000, 7
PATIENCE_SECONDS = 60.0
FLAT = 1.25


@dataclass(slots=True)
class _Took:
    """The time that each round took: milliseconds for one, and seconds for a start."""

    create: list[float] = field(default_factory=list)
    settle: list[float] = field(default_factory=list)
    open: list[float] = field(default_factory=list)
    start: list[float] = field(default_factory=list)


async def measure(bench: Bench) -> list[Line]:
    """Alternating rounds, each a life of its own on books that were used before."""
    for name, count in NAMES.items():
        await _make_books(bench, name, count)
    took = {name: _Took() for name in NAMES}
    for number in range(ROUNDS):
        for name in NAMES:
            bench.report(f"books: round {number + 1} of {ROUNDS}, {NAMES[name]} invoices")
            await _round(bench, name, took[name])
    few, many = took.values()
    units = {"create": "ms an invoice", "settle": "ms a settlement", "open": "ms a first opening", "start": "s"}
    return [
        line for what, unit in units.items() for line in _lines(what, unit, getattr(few, what), getattr(many, what))
    ]


async def _make_books(bench: Bench, name: str, count: int) -> None:
    """One purchase through the gateway, and copies of it."""
    node = await bench.node("simulated")
    async with bench.gateway(name, kind="simulated") as served, aiohttp.ClientSession() as session:
        invoice = await buy(session, served)
        await node.pay(Payable(invoice["payment_hash"], invoice["payment_request"]))
        await _until_booked(served.database, 1)
        database = served.database
    bench.report(f"books: writing {count} invoices")
    await asyncio.to_thread(fill, database, count - 1)


async def _round(bench: Bench, name: str, took: _Took) -> None:
    node = await bench.node("simulated")
    async with bench.gateway(name, kind="simulated") as served, aiohttp.ClientSession() as session:
        took.start.append(served.ready_at - served.started_at)
        booked = _booked(served.database)
        began = time.perf_counter()
        invoices = [await buy(session, served) for _ in range(INVOICES)]
        took.create.append(_ms_each(began))
        took.settle.append(await _settle(node, served, booked))
        began = time.perf_counter()
        for invoice in invoices:
            await _open(session, served, invoice)
        took.open.append(_ms_each(began))


async def _settle(node: BenchNode, served: Served, booked: int) -> float:
    began = time.perf_counter()
    await node.pay_all((), lambda _: None)
    await _until_booked(served.database, booked + INVOICES)
    return _ms_each(began)


async def _open(session: aiohttp.ClientSession, served: Served, invoice: Mapping[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {invoice['access_token']}"}
    async with session.get(f"{served.url}/v1/items/{ITEM}/content", headers=headers) as response:
        await response.read()
        assert response.status == 200, response.status


async def _until_booked(database: Path, wanted: int) -> None:
    await until(lambda: _booked(database) >= wanted, patience_seconds=PATIENCE_SECONDS)


def _booked(database: Path) -> int:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        row = connection.execute("SELECT value FROM counters WHERE name = 'event_position'").fetchone()
        return 0 if row is None else int(row[0])
    finally:
        connection.close()


def _ms_each(began: float) -> float:
    return (time.perf_counter() - began) * 1000 / INVOICES


def _lines(what: str, unit: str, few: list[float], many: list[float]) -> list[Line]:
    ratios = [b / a for a, b in zip(few, many, strict=True)]
    note = f"{MANY:,} invoices in the books against {FEW:,}"
    return [
        line_of(f"{what}, {MANY:,} invoices in the books", many, unit),
        line_of(f"{what}, ratio", ratios, "", at_most=FLAT, note=note),
    ]
