"""T8 and T9: the node or SQLite is away while readers wait; nothing is lost, and nobody has to restart."""

import asyncio
import resource
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest

from gateway.app.background import BackgroundTiming
from gateway.ports.node import NodeState
from gateway.store.engines.database_url import sqlite_path
from gateway.store.engines.sqlite import sqlite_engine
from tests.support.clock import unless_changed, until
from tests.support.databases import broken_invariants
from tests.support.rows import NODE_ID
from tests.support.site import QUICK_RETRIES, Site
from tests.web.api.test_events import Listener, listening
from tools.bench.nodes import open_simulator
from tools.bench.served import buy, put_on_sale
from tools.torture.rig import Rig

pytestmark = pytest.mark.both_databases

TEXT = "# A text\n\nThe free part.\n\nThe paid part."
INVOICES = "/v1/items/welcome/invoices"
READERS = 12
ON_SQLITE = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@pytest.fixture
def timing() -> BackgroundTiming:
    return QUICK_RETRIES


@pytest.fixture
async def shop(site: Site) -> Site:
    await site.sell_text(TEXT)
    return site


async def refusal(site: Site) -> tuple[int, str]:
    """Status and code of the answer to a reader who wants an invoice now."""
    async with site.session.post(f"{site.url}{INVOICES}") as response:
        problem = await response.json(content_type=None)
        assert int(response.headers["Retry-After"]) >= 1
        return response.status, problem["code"]


@pytest.mark.parametrize(
    ("state", "code"),
    [(NodeState.ABSENT, "node_away"), (NodeState.LOCKED, "node_locked"), (NodeState.STARTING, "node_starting")],
)
async def test_a_node_that_goes_away_under_payments_costs_no_stream_and_no_payment(
    shop: Site, state: NodeState, code: str
) -> None:
    async with AsyncExitStack() as stack:
        listeners: list[tuple[str, Listener]] = []
        for _ in range(READERS):
            invoice, _ = await shop.buy("welcome")
            key = invoice["payment_hash"]
            listeners.append((key, await stack.enter_async_context(listening(shop, key))))
            assert (await listeners[-1][1].next())[0] == "open"
        for key, _ in listeners[: READERS // 2]:
            shop.pay(key)
        shop.core.state = state
        shop.core.restart()
        async with asyncio.timeout(1):
            assert await refusal(shop) == (503, code)
        assert shop.gateway.hub.count >= READERS // 2, "whoever is not told yet still waits"
        for key, _ in listeners[READERS // 2 :]:
            shop.core.pay(bytes.fromhex(key))
        shop.core.state = NodeState.READY
        told = await asyncio.gather(*(listener.next() for _, listener in listeners))
        assert [name for name, _ in told] == ["settled"] * READERS
    assert (await shop.call("POST", INVOICES))[0] == 201


async def test_a_node_that_syncs_still_settles(shop: Site) -> None:
    invoice, _ = await shop.buy("welcome")
    async with listening(shop, invoice["payment_hash"]) as listener:
        await listener.next()
        shop.core.state = NodeState.SYNCING
        shop.pay(invoice["payment_hash"])
        assert (await listener.next())[0] == "settled"


@ON_SQLITE
async def test_a_database_that_another_process_holds_loses_no_settlement(shop: Site) -> None:
    """The stream is closed rather than parked, and once the database is free everything is told."""
    bought = [(await shop.buy("welcome"))[0] for _ in range(3)]
    await until(lambda: bool(shop.core._subscriptions))
    engine = sqlite_engine(_file(shop))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as other:
        await shop.gateway.store.write(_be_impatient)
        other.exec_driver_sql("BEGIN IMMEDIATE")
        for invoice in bought:
            shop.pay(invoice["payment_hash"])
        await until(lambda: _interrupted(shop, "follow lnd"))
        issued = len(list(shop.core.invoices))
        assert await refusal(shop) == (503, "database_away")
        assert await refusal(shop) == (503, "database_away")
        assert len(list(shop.core.invoices)) == issued + 1, "the node's invoice is one that nobody has seen"
        await unless_changed(lambda: not shop.gateway.metrics.settled.labels(NODE_ID)._value.get())
        other.exec_driver_sql("ROLLBACK")
    engine.dispose()
    await _told(shop, bought)
    assert (await shop.call("POST", INVOICES))[0] == 201


async def test_a_full_disk_sells_nothing_and_loses_nothing_and_needs_no_restart(tmp_path: Path) -> None:
    """A gateway of its own that may write no more bytes (RLIMIT_FSIZE), until there is room again."""
    async with open_simulator(tmp_path / "lnd") as node:
        rig = Rig(tmp_path, node, Random(1))
        async with rig.gateway() as served:
            await put_on_sale(served)
            await rig.stock(served, 40)
            wal = served.database.with_name(f"{served.database.name}-wal")
            resource.prlimit(served.pid, resource.RLIMIT_FSIZE, (wal.stat().st_size, resource.RLIM_INFINITY))
            await rig.pay(20)
            with pytest.raises(RuntimeError, match="database_away"):
                await _buy_until_refused(rig, served)
            before = await rig.credited()
            resource.prlimit(served.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            await rig.pay(20)
            await rig.until_credited()
            await rig.open_some(served)
        tally = await rig.tally()
        assert before < 20
        assert (tally.payments, tally.is_clean) == (40, True)
        assert broken_invariants(served.database) == []


async def _buy_until_refused(rig: Rig, served: Any) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(200):
            rig.unpaid.append(await buy(session, served))


async def _told(shop: Site, bought: Iterable[Mapping[str, Any]]) -> None:
    for invoice in bought:
        async with listening(shop, invoice["payment_hash"]) as listener:
            while (await listener.next())[0] != "settled":
                pass


def _file(shop: Site) -> Path:
    path = sqlite_path(shop.gateway.config.database_url)
    assert path is not None
    return path


def _be_impatient(tx: Any) -> None:
    tx.creators._connection.exec_driver_sql("PRAGMA busy_timeout=1")


def _interrupted(site: Site, work: str) -> bool:
    return "database" in site.gateway.supervisor.progress[work].last_error
