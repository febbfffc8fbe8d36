"""What tests share: a clock to move, a store on a real SQLite file, a simulated LND, a whole gateway over HTTP."""

import os
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import settings

from gateway.app import build_app, database_path, open_gateway
from gateway.config import Config, load_config
from gateway.lnd.direct import DirectNode
from gateway.lnd.simulator import Simulator
from gateway.store.database import SqliteStore
from gateway.web.gateway import Gateway
from tests.clock import FakeClock
from tests.database import Dump, broken_invariants, dump_tables, put_database
from tests.samples import START, a_creator
from tests.till import Till, open_till

# `pytest --hypothesis-profile nightly`: the same properties, looked for much longer.
settings.register_profile("nightly", max_examples=2_000, stateful_step_count=50, deadline=None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips are decided here, by marker, and never in CI: there a missing part is a failure."""
    if os.environ.get("CI") == "true":
        return
    for item in items:
        if item.get_closest_marker("npm") and shutil.which("npm") is None:
            item.add_marker(pytest.mark.skip(reason="needs npm: apt install npm"))
        if item.get_closest_marker("browser") and not Path("/usr/bin/chromium").exists():
            item.add_marker(pytest.mark.skip(reason="needs chromium: apt install chromium"))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(START)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """An empty database on disk, migrated."""
    path = tmp_path / "tuppence.db"
    put_database(path)
    opened = SqliteStore.open(path)
    yield opened
    await opened.close()
    assert broken_invariants(path) == []


@pytest.fixture
def core(clock: FakeClock) -> Simulator:
    """The simulated LND without its wire."""
    return Simulator(clock=clock, random_bytes=secrets.token_bytes)


@pytest.fixture
async def till(tmp_path: Path, clock: FakeClock, core: Simulator) -> AsyncIterator[Till]:
    """The domain without the web, selling `welcome`."""
    async with open_till(tmp_path, clock, core) as opened:
        yield opened


@dataclass(slots=True)
class Site:
    """A whole gateway with its simulated LND, reached over HTTP."""

    gateway: Gateway
    core: Simulator
    clock: FakeClock
    url: str
    session: aiohttp.ClientSession

    @property
    def operator(self) -> dict[str, str]:
        """Headers of the operator."""
        return {"Authorization": f"Bearer {self.gateway.operator_key}"}

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """Status and decoded body."""
        async with self.session.request(method, f"{self.url}{path}", **options) as response:
            is_json = "json" in response.content_type
            return response.status, await (response.json(content_type=None) if is_json else response.text())

    def pay(self, payment_hash: str, *, amount_msat: int | None = None) -> str:
        """Pay at the simulated node; gives the preimage."""
        return self.core.pay(bytes.fromhex(payment_hash), amount_msat=amount_msat).preimage.hex()

    async def buy(self, item_id: str) -> tuple[dict[str, Any], dict[str, str]]:
        """An invoice, and the headers that present its token."""
        status, invoice = await self.call("POST", f"/v1/items/{item_id}/invoices")
        assert status == 201, invoice
        return invoice, {"Authorization": f"Bearer {invoice['access_token']}"}

    async def settle(self, payment_hash: str) -> str:
        """Pay, and have it booked at once; gives the preimage."""
        preimage = self.pay(payment_hash)
        report = await self.gateway.node.lookup(payment_hash)
        assert report is not None
        await self.gateway.settler.settle([report])
        return preimage

    def dump(self) -> Dump:
        """Every row of every table, to compare before and after."""
        return dump_tables(database_path(self.gateway.config))

    async def sell_text(self, markdown: str, *, item_id: str = "welcome", **fields: Any) -> dict[str, Any]:
        """A text for sale, by alice with bob."""
        item = {
            "id": item_id,
            "creator": "alice",
            "price_msat": 100_000,
            "markdown": markdown,
            "shares": [{"creator": "alice", "weight": 70}, {"creator": "bob", "weight": 30}],
        }
        status, added = await self.call("POST", "/v1/admin/items", json=item | fields, headers=self.operator)
        assert status == 201, added
        return dict(added)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A configuration on a folder of its own."""
    return load_config(data_dir=tmp_path / "data", listen="127.0.0.1:8402")


@pytest.fixture
async def site(config: Config, clock: FakeClock, core: Simulator) -> AsyncIterator[Site]:
    """A gateway with creators alice and bob; its books are audited afterwards."""
    put_database(database_path(config))
    async with open_site(config, clock, core) as opened:
        for name in ("alice", "bob"):
            await opened.gateway.catalog.add_creator(a_creator(name))
        yield opened
    assert broken_invariants(database_path(config)) == []


@asynccontextmanager
async def open_site(config: Config, clock: FakeClock, core: Simulator) -> AsyncIterator[Site]:
    """A gateway on a data folder, at a simulated node that may have been there before."""
    async with (
        open_gateway(config, clock=clock, node=DirectNode(core, node_id="lnd")) as gateway,
        serve_app(build_app(gateway)) as url,
        aiohttp.ClientSession() as session,
    ):
        yield Site(gateway, core, clock, url, session)


@asynccontextmanager
async def serve_app(app: web.Application) -> AsyncIterator[str]:
    """Serve an application on a free port."""
    async with TestServer(app) as server:
        yield str(server.make_url("/")).rstrip("/")
