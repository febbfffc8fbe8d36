"""An orderly stop ends event streams, finishes settlements in progress, and loses nothing."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.simulator.server import SimulatedLnd, serve_simulator
from tests.support.clock import until
from tests.support.processes.demo_process import free_port, ready, start
from tests.web.api.test_events import Listener

TEXT = "# A little\n\nThe free part.\n\n<!-- more -->\n\nThe paid part."
STOP_SECONDS = 10.0


@dataclass(slots=True)
class Service:
    """`tuppence serve` in a process of its own, at a simulated node."""

    folder: Path
    lnd: SimulatedLnd
    process: asyncio.subprocess.Process
    url: str
    session: aiohttp.ClientSession

    async def start(self) -> None:
        """Start, or start again."""
        variables = {
            "TUPPENCE_LND_TARGET": self.lnd.target,
            "TUPPENCE_LND_TLS_CERT": str(self.lnd.tls_cert_path),
            "TUPPENCE_LND_MACAROON": str(self.lnd.macaroon_path),
        }
        listen = f"127.0.0.1:{free_port()}"
        self.process = await start(self.folder, "serve", listen=listen, variables=variables)
        self.url = await ready(self.process, 60)

    async def stop(self) -> int:
        """Stop as systemd does; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(STOP_SECONDS):
            return await self.process.wait()

    async def post(self, path: str, **options: Any) -> tuple[int, dict[str, Any]]:
        async with self.session.post(f"{self.url}{path}", **options) as response:
            return response.status, await response.json()

    async def sell(self) -> None:
        """The item `welcome`, by alice."""
        key = (self.folder / "data" / "operator.key").read_text().strip()
        headers = {"Authorization": f"Bearer {key}"}
        await self.post("/v1/admin/creators", json={"name": "alice"}, headers=headers)
        item = {"id": "welcome", "creator": "alice", "price_msat": 100_000, "markdown": TEXT}
        assert (await self.post("/v1/admin/items", json=item, headers=headers))[0] == 201


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with serve_simulator(tmp_path / "lnd", clock=time.time) as lnd, aiohttp.ClientSession() as session:
        service = Service(tmp_path, lnd, None, "", session)  # type: ignore[arg-type]  # started below
        await service.start()
        await service.sell()
        yield service
        if service.process.returncode is None:
            service.process.kill()
            await service.process.wait()


async def test_a_stop_ends_the_streams_and_the_next_start_credits_what_was_paid_meanwhile(service: Service) -> None:
    _, invoice = await service.post("/v1/items/welcome/invoices")
    path = f"/v1/invoices/{invoice['payment_hash']}/events"
    async with service.session.get(f"{service.url}{path}") as response:
        listener = Listener(response)
        assert (await listener.next())[0] == "open"
        stopping = asyncio.create_task(service.stop())
        with pytest.raises(EOFError):
            await listener.next()
    assert await stopping == 0
    service.lnd.core.pay(bytes.fromhex(invoice["payment_hash"]))
    await service.start()
    async with service.session.get(f"{service.url}{path}") as response:
        listener = Listener(response)
        async with asyncio.timeout(STOP_SECONDS):
            while (await listener.next())[0] != "settled":
                pass
    token = {"Authorization": f"Bearer {invoice['access_token']}"}
    async with service.session.get(f"{service.url}/v1/items/welcome/content", headers=token) as response:
        assert (response.status, "paid part" in await response.text()) == (200, True)
    assert await service.stop() == 0


async def test_a_stop_lets_a_sale_that_was_begun_end(service: Service) -> None:
    """A node that made the invoice and did not answer is asked again before the gateway ends."""
    service.lnd.core.quirks.lose_answers = 1
    selling = asyncio.create_task(service.post("/v1/items/welcome/invoices"))
    await until(lambda: len(list(service.lnd.core.invoices)) == 1)
    assert await service.stop() == 0
    status, invoice = await selling
    assert status == 201
    service.lnd.core.pay(bytes.fromhex(invoice["payment_hash"]))
    await service.start()

    async def opens() -> bool:
        token = {"Authorization": f"Bearer {invoice['access_token']}"}
        async with service.session.get(f"{service.url}/v1/items/welcome/content", headers=token) as response:
            return response.status == 200

    await until(opens)
