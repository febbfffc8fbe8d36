"""Payouts a second on the simulator: asked for over HTTP, resolved at the payees' host, paid, and booked."""

import sqlite3
import time
from collections.abc import Mapping

import aiohttp

from gateway.money import from_sat
from tests.support.clock import until
from tools.bench.bench import Bench
from tools.bench.figure import Line, line_of
from tools.bench.paying_node import PayingNode, open_paying_node
from tools.bench.processes import Child
from tools.bench.served import Served, serve

PAYOUTS_OF: Mapping[int, int] = {50: 500, 1: 50}
"""How many payouts a round has, by the number of creators who are paid. Of one creator two are sent at once."""
WORKERS, ROUNDS = 16, 5
AMOUNT_MSAT, EARNED_MSAT = from_sat(100), from_sat(50_000)
CAPS = {"TUPPENCE_PAYOUT_CREATOR_DAY_SAT": "10000000", "TUPPENCE_PAYOUT_DAY_SAT": "100000000"}
PATIENCE_SECONDS = 300.0
_TIPPED = "SELECT COUNT(*) FROM events"
_UNDER_WAY = "SELECT COUNT(*) FROM payouts WHERE ended_at IS NULL"
_PAID = "SELECT COUNT(*) FROM payouts WHERE state = 'succeeded'"


async def measure(bench: Bench) -> list[Line]:
    """Alternating rounds; the clock stops when the last payout is booked as paid."""
    folder = bench.folder / "payouts"
    async with (
        open_paying_node(folder / "node", loop=bench.loop) as node,
        serve(folder / "gateway", {**node.settings, **CAPS}, loop=bench.loop) as served,
        bench.driver() as driver,
    ):
        creators = [f"creator-{number}" for number in range(max(PAYOUTS_OF))]
        await _earn(served, node, creators)
        rates: dict[int, list[float]] = {count: [] for count in PAYOUTS_OF}
        for number in range(ROUNDS):
            for count in PAYOUTS_OF:
                bench.report(f"payouts: {count} creators, round {number + 1} of {ROUNDS}")
                rates[count].append(await _pay(served, driver, creators[:count]))
    return [
        line_of(
            f"payouts to {count} creator{'s' if count > 1 else ''}, from the request to the books",
            rates[count],
            "/s",
            note=f"{payouts} of {AMOUNT_MSAT // 1000} sat, on the simulator, SQLite",
        )
        for count, payouts in PAYOUTS_OF.items()
    ]


async def _earn(served: Served, node: PayingNode, creators: list[str]) -> None:
    """Creators with an address, each tipped once."""
    async with aiohttp.ClientSession(headers=_operator(served)) as session:
        for name in creators:
            address = {"address": f"{name}@{node.host}"}
            await _send(session, "POST", f"{served.url}/v1/admin/creators", {"name": name})
            await _send(session, "PUT", f"{served.url}/v1/admin/creators/{name}/destination", address)
            await _send(session, "POST", f"{served.url}/v1/creators/{name}/tips", {"amount_msat": EARNED_MSAT})
    await node.pay_all((), lambda _: None)
    await until(lambda: _count(served, _TIPPED) == len(creators), patience_seconds=PATIENCE_SECONDS)


async def _pay(served: Served, driver: Child, creators: list[str]) -> float:
    """Ask for payouts of these creators, in turn; gives how many were paid in a second."""
    payouts, before = PAYOUTS_OF[len(creators)], _count(served, _PAID)
    began = time.monotonic()
    await driver.ask(
        do="post",
        url=f"{served.url}/v1/admin/payouts",
        workers=WORKERS,
        requests=payouts - WORKERS,
        headers=_operator(served),
        bodies=[{"creator": name, "amount_msat": AMOUNT_MSAT} for name in creators],
    )
    await until(lambda: _count(served, _UNDER_WAY) == 0, patience_seconds=PATIENCE_SECONDS)
    seconds = time.monotonic() - began
    if _count(served, _PAID) != before + payouts:
        msg = "a payout was not paid; `tuppence payout list` on the folder of the gateway says why"
        raise RuntimeError(msg)
    return payouts / seconds


def _count(served: Served, query: str) -> int:
    connection = sqlite3.connect(f"file:{served.database}?mode=ro", uri=True)
    try:
        return int(connection.execute(query).fetchone()[0])
    finally:
        connection.close()


async def _send(session: aiohttp.ClientSession, method: str, url: str, body: Mapping[str, object]) -> None:
    async with session.request(method, url, json=body) as response:
        if response.status not in {200, 201}:
            raise RuntimeError(await response.text())


def _operator(served: Served) -> dict[str, str]:
    return {"Authorization": f"Bearer {(served.shared / 'operator.key').read_text(encoding='ascii').strip()}"}
