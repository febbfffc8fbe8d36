"""A whole gateway with its simulated LND, reached over HTTP."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.app.assemble import open_gateway
from gateway.app.background import BACKGROUND_TIMING, BackgroundTiming
from gateway.app.gateway import Gateway
from gateway.config import Config
from gateway.ports.announcer import Announcer
from gateway.ports.node import Node
from gateway.ports.payer import Payer
from gateway.simulator.core import Simulator
from gateway.simulator.in_process_node import InProcessNode
from gateway.simulator.payments.in_process_payer import InProcessPayer
from gateway.web.http.connections import Runner
from gateway.web.serve import build_app
from tests.support.clock import QUICK_BACKOFF, FakeClock
from tests.support.databases import Dump, dump_tables
from tests.support.rows import NODE_ID

QUICK_RETRIES = BackgroundTiming(backoff=QUICK_BACKOFF)


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
        report = await self.gateway.nodes[NODE_ID].node.lookup(payment_hash)
        assert report is not None
        await self.gateway.settlers[NODE_ID].settle([report])
        return preimage

    def dump(self) -> Dump:
        """Every row of every table, to compare before and after."""
        return dump_tables(self.gateway.config.database_url)

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


@asynccontextmanager
async def open_site(
    config: Config,
    clock: FakeClock,
    core: Simulator,
    *,
    nodes: Sequence[Node] = (),
    payers: Sequence[Payer] = (),
    announcers: Sequence[Announcer] = (),
    timing: BackgroundTiming = BACKGROUND_TIMING,
) -> AsyncIterator[Site]:
    """A gateway on a data folder, at a simulated node that may have been there before, or at `nodes`."""
    async with (
        open_gateway(
            config,
            clock=clock,
            nodes=nodes or [InProcessNode(core)],
            payers=payers or [InProcessPayer(core)],
            announcers=announcers,
            timing=timing,
        ) as gateway,
        serve_app(build_app(gateway)) as url,
        aiohttp.ClientSession() as session,
    ):
        yield Site(gateway, core, clock, url, session)


class _Server(TestServer):
    """A test server that runs an application as `web.serve` does."""

    __test__ = False

    async def _make_runner(self, **_: Any) -> Runner:
        return Runner(self.app)


@asynccontextmanager
async def serve_app(app: web.Application) -> AsyncIterator[str]:
    """Serve an application on a free port."""
    async with _Server(app) as server:
        yield str(server.make_url("/")).rstrip("/")
