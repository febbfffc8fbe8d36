"""The gateway under test: `tuppence serve` as a process of its own, its limits raised by configuration."""

import asyncio
import os
import signal
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.processes.demo_process import free_port
from tools.bench.machine import cpu_seconds, resident_bytes
from tools.bench.processes import Loop, spawn, stop

# Far more than it takes: a machine that does much else is slow.
READY_SECONDS = 300.0
ITEM, CREATOR = "article", "alice"
PRICE_MSAT = 1_000
RAISED = {
    "TUPPENCE_INVOICES_PER_CLIENT": "1000000/second",
    "TUPPENCE_INVOICES_PER_ITEM": "1000000/second",
    "TUPPENCE_INVOICES_OVERALL": "1000000/second",
    "TUPPENCE_OPEN_INVOICES_PER_CLIENT": "1000000",
    "TUPPENCE_OPEN_INVOICES": "1000000",
    "TUPPENCE_WAITERS": "100000",
    "TUPPENCE_INVOICE_EXPIRY_SECONDS": "86400",
}
"""One machine asks for what thousands of readers would: the limits that would refuse it."""
TEXT = "# A measured article\n\nThe free part.\n\n<!-- more -->\n\n" + "It goes a long way. " * 49


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A running gateway."""

    url: str
    folder: Path
    shared: Path
    pid: int
    started_at: float
    ready_at: float

    @property
    def database(self) -> Path:
        """Its SQLite file."""
        return self.folder / "data" / "tuppence.db"

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to its process."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End its process without a word."""
        self.signal(signal.SIGKILL)

    def has_ended(self) -> bool:
        """Whether its process is gone."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        return False

    def cpu_seconds(self) -> float:
        """The CPU time used so far."""
        return cpu_seconds(self.pid)

    def resident_bytes(self) -> int:
        """The memory in use."""
        return resident_bytes(self.pid)


@asynccontextmanager
async def serve(folder: Path, node_settings: Mapping[str, str], *, loop: Loop) -> AsyncIterator[Served]:
    """Start it on `folder` and give it once it says that it is ready; the instants are of `time.monotonic`."""
    folder.mkdir(parents=True, exist_ok=True)
    variables = {
        **RAISED,
        "TUPPENCE_LISTEN": f"127.0.0.1:{free_port()}",
        **node_settings,
        "TUPPENCE_DATA_DIR": str(folder / "data"),
    }
    shared = Path(variables.get("TUPPENCE_SHARED_DIR", folder / "data"))
    started_at = time.monotonic()
    process = await spawn(
        "import sys; sys.argv = ['tuppence', 'serve']; from gateway.cli import main; main()",
        loop=loop,
        cwd=folder,
        log=folder / "gateway.log",
        variables=variables,
    )
    try:
        url = await _ready(process, folder / "gateway.log")
        yield Served(
            url=url,
            folder=folder,
            shared=shared,
            pid=process.pid,
            started_at=started_at,
            ready_at=time.monotonic(),
        )
    finally:
        await stop(process)


async def _ready(process: Process, log: Path) -> str:
    """The address in the line `ready http://…`. Raises RuntimeError with where it is told what came instead."""
    assert process.stdout is not None, "it was started with a pipe"
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), READY_SECONDS)).decode().split()
    except TimeoutError as error:
        # It writes down where each of its threads stands.
        process.send_signal(signal.SIGABRT)
        await process.wait()
        msg = f"not ready after {READY_SECONDS:.0f} s; {log} says where it stood"
        raise RuntimeError(msg) from error
    if line[:1] != ["ready"]:
        msg = f"it ended; {log} says why"
        raise RuntimeError(msg)
    return line[1]


async def put_on_sale(served: Served) -> None:
    """A creator, and an article whose paid part is a kilobyte."""
    key = (served.shared / "operator.key").read_text(encoding="ascii").strip()
    item = {"id": ITEM, "creator": CREATOR, "price_msat": PRICE_MSAT, "markdown": TEXT}
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:
        for path, body in (("creators", {"name": CREATOR}), ("items", item)):
            async with session.post(f"{served.url}/v1/admin/{path}", json=body) as response:
                if response.status != 201:
                    raise RuntimeError(await response.text())


def invoices_url(served: Served) -> str:
    """The URL that makes an invoice for the article."""
    return f"{served.url}/v1/items/{ITEM}/invoices"


async def buy(session: aiohttp.ClientSession, served: Served) -> dict[str, Any]:
    """A new invoice for the article."""
    async with session.post(invoices_url(served)) as response:
        body: dict[str, Any] = await response.json()
        if response.status != 201:
            raise RuntimeError(body)
        return body
