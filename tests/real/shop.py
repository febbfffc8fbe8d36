"""A gateway at the merchant's node: a process that can be frozen and killed, and the reader who pays."""

import os
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import aiohttp

from gateway.regtest.credentials import GATEWAY_ENV
from gateway.regtest.network import Network
from gateway.regtest.state import read_env
from gateway.regtest.wallet import LndWallet
from tests.support.clock import until
from tests.support.databases import broken_invariants, dump_tables
from tests.support.processes.demo_process import free_port, stop
from tests.support.processes.shell import Shell, serve

INVOICES = "/v1/items/a-little/invoices"
CONTENT = "/v1/items/a-little/content"
ITEM = {
    "id": "a-little",
    "creator": "alice",
    "price_msat": 100_000,
    "markdown": "# A little\n\nFree.\n\n<!-- more -->\n\nPaid.",
    "shares": [{"creator": "alice", "weight": 70}, {"creator": "bob", "weight": 30}],
}


@dataclass(slots=True)
class Shop:
    """Sells `a-little` for 100 sat, 70 to alice and 30 to bob."""

    shell: Shell
    wallet: LndWallet
    session: aiohttp.ClientSession
    process: Process = field(init=False)
    address: str = field(init=False)

    async def serve(self) -> None:
        """Start the gateway; returns when it is ready."""
        self.process, self.address = await serve(self.shell)

    async def kill(self) -> None:
        """End the gateway as a power cut does."""
        await stop(self.process, crash=True)

    def freeze(self) -> None:
        """The gateway sees nothing from now on, though nobody could tell it from one that is slow."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """The gateway goes on where it was."""
        os.kill(self.process.pid, signal.SIGCONT)

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """Status and decoded body."""
        async with self.session.request(method, self.address + path, **options) as response:
            is_json = "json" in response.content_type
            return response.status, await (response.json(content_type=None) if is_json else response.text())

    async def invoice(self, path: str = INVOICES, **options: Any) -> dict[str, Any]:
        """A new invoice of the text, or of a tip."""
        status, invoice = await self.call("POST", path, **options)
        assert status == 201, invoice
        return dict(invoice)

    async def sells(self) -> bool:
        """Whether readers get invoices."""
        status, _ = await self.call("POST", INVOICES)
        return status == 201

    async def opens(self, invoice: dict[str, Any]) -> bool:
        """Whether the invoice's token opens the text."""
        token = {"Authorization": f"Bearer {invoice['access_token']}"}
        status, content = await self.call("GET", CONTENT, headers=token)
        return status == 200 and "Paid." in content

    async def ask_operator(self, method: str, path: str, **options: Any) -> Any:
        """What the gateway answers to its operator."""
        key = (self.shell.folder / "data" / "operator.key").read_text().strip()
        status, answer = await self.call(method, path, headers={"Authorization": f"Bearer {key}"}, **options)
        assert status < 300, answer
        return answer

    async def books(self) -> tuple[list[int], dict[str, int]]:
        """The msat of each payment in its order, and what each creator is owed."""
        payments = await self.ask_operator("GET", "/v1/admin/payments")
        balances = await self.ask_operator("GET", "/v1/admin/balances")
        paid = [payment["paid_msat"] for payment in payments]
        return paid, {balance["creator"]: balance["balance_msat"] for balance in balances}

    @property
    def database(self) -> Path:
        """The file to look into past the gateway."""
        return self.shell.folder / "data" / "tuppence.db"

    def has_booked_nothing(self) -> bool:
        """Whether the books are empty."""
        return dump_tables(self.database)["transfers"] == []


@asynccontextmanager
async def open_shop(
    folder: Path, network: Network, wallet: LndWallet, variables: Mapping[str, str] = MappingProxyType({})
) -> AsyncIterator[Shop]:
    """A shop of one's own, with the macaroon that the network has baked; its books are audited afterwards."""
    node = read_env(network.folder / GATEWAY_ENV)
    shell = Shell(folder, {**node, **variables, "TUPPENCE_LISTEN": f"127.0.0.1:{free_port()}"})
    async with aiohttp.ClientSession() as session:
        shop = Shop(shell, wallet, session)
        await shop.serve()
        try:
            for name in ("alice", "bob"):
                await shop.ask_operator("POST", "/v1/admin/creators", json={"name": name})
            await shop.ask_operator("POST", "/v1/admin/items", json=ITEM)
            yield shop
        finally:
            shop.thaw()
            assert await stop(shop.process) == 0
        assert broken_invariants(shop.database) == []


async def is_sold_once(shop: Shop, invoice: dict[str, Any]) -> None:
    """The text opens, and its one payment is shared by its creators."""
    await until(lambda: shop.opens(invoice))
    assert await shop.books() == ([100_000], {"alice": 70_000, "bob": 30_000})
