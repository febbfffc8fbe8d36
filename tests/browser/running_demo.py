"""The demo in a process of its own, with limits that a whole suite of readers does not meet."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.processes.demo_process import run_demo

ROOMY = {
    "TUPPENCE_INVOICES_PER_CLIENT": "10000/minute",
    "TUPPENCE_OPEN_INVOICES_PER_CLIENT": "10000",
    "TUPPENCE_TRUSTED_PROXIES": "127.0.0.1",
    "TUPPENCE_CONTACT": "mailto:help@pay.example",
}
LARGE_BALANCE = ("--balance", "1000000")


@dataclass(frozen=True, slots=True)
class RunningDemo:
    """Its address, and a wallet that is not in the page."""

    url: str
    folder: Path
    session: aiohttp.ClientSession

    async def pay(self, payment_request: str) -> int:
        """Pay from elsewhere; gives the status."""
        async with self.session.post(f"{self.url}/demo/pay", json={"invoice": payment_request}) as response:
            return response.status

    async def balance_sat(self) -> int:
        """What the wallet has left."""
        async with self.session.get(f"{self.url}/demo/balance") as response:
            return int((await response.json())["balance_msat"]) // 1000

    async def as_operator(self, method: str, path: str, **options: Any) -> Any:
        """The admin API's answer."""
        key = (self.folder / ".tuppence" / "demo" / "data" / "operator.key").read_text().strip()
        headers = {"Authorization": f"Bearer {key}"}
        async with self.session.request(method, f"{self.url}{path}", headers=headers, **options) as response:
            assert response.ok, await response.text()
            return await response.json()


@asynccontextmanager
async def open_demo(folder: Path, *options: str, **variables: str) -> AsyncIterator[RunningDemo]:
    """Start it and stop it."""
    async with run_demo(folder, *options, variables=ROOMY | variables) as url, aiohttp.ClientSession() as session:
        yield RunningDemo(url, folder, session)
