"""The process that asks: closed loops of workers against the gateway or LND, and readers who wait.

Jobs are lines of JSON, `{"do": …}`; each gets one line as its answer.
"""

import asyncio
import json
import os
import secrets
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from gateway.cli import run
from tools.bench.processes import LINE_BYTES

CONNECTING_AT_ONCE = 50
MOST_CONNECTIONS = 256
PATIENCE_SECONDS = 300.0
Ask = Callable[[], Awaitable[None]]
_told_at: dict[str, float] = {}


def main() -> None:
    """Do jobs until the input ends."""
    run(_serve())


async def _serve() -> None:
    lines = asyncio.StreamReader(limit=LINE_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        job: dict[str, Any] = json.loads(line)
        answer = await _JOBS[job.pop("do")](**job)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


async def post(
    url: str,
    workers: int,
    requests: int,
    headers: Mapping[str, str] | None = None,
    bodies: Sequence[Mapping[str, Any] | None] = (None,),
) -> Mapping[str, Any]:
    """Invoices or payouts by HTTP, with these bodies in turn; each worker keeps its connection."""
    connector, in_turn = aiohttp.TCPConnector(limit=workers), cycle(bodies)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

        async def ask() -> None:
            async with session.post(url, json=next(in_turn)) as response:
                await response.read()
                assert response.status == 201, response.status

        return await _closed_loop(ask, workers, requests)


async def add(
    target: str, tls_cert: str, macaroon: str, amount_msat: int, memo: str, expiry: int, workers: int, requests: int
) -> Mapping[str, Any]:
    """Invoices from LND itself, through grpc.aio on one channel."""
    import grpc  # noqa: PLC0415  # the other jobs' process is as small as it can be
    from lndgrpc.compiled import lightning_pb2 as ln  # noqa: PLC0415
    from lndgrpc.compiled.lightning_pb2_grpc import LightningStub  # noqa: PLC0415

    certificate, secret = Path(tls_cert).read_bytes(), Path(macaroon).read_bytes()
    metadata = grpc.aio.Metadata(("macaroon", secret.hex()))
    async with grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(certificate)) as channel:
        add_invoice = LightningStub(channel).AddInvoice

        async def ask() -> None:
            request = ln.Invoice(r_preimage=secrets.token_bytes(32), value_msat=amount_msat, memo=memo, expiry=expiry)
            await add_invoice(request, metadata=metadata, timeout=30)

        return await _closed_loop(ask, workers, requests)


async def _closed_loop(ask: Ask, workers: int, requests: int) -> Mapping[str, Any]:
    """Each worker asks again as soon as it is answered; one request per worker goes first, unmeasured."""
    await asyncio.gather(*(ask() for _ in range(workers)))
    left = requests
    milliseconds: list[float] = []

    async def worker() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            began = time.perf_counter()
            await ask()
            milliseconds.append((time.perf_counter() - began) * 1000)

    began, computed = time.perf_counter(), time.process_time()
    await asyncio.gather(*(worker() for _ in range(workers)))
    seconds = time.perf_counter() - began
    return {
        "per_second": requests / seconds,
        "milliseconds": milliseconds,
        "cpu_ms": (time.process_time() - computed) * 1000 / requests,
    }


async def wait(urls: list[str]) -> Mapping[str, Any]:
    """One reader per event stream, each told the present state before this answers, waiting until the process ends."""
    gate = asyncio.Semaphore(CONNECTING_AT_ONCE)

    async def connect(url: str) -> None:
        async with gate:
            await open_reader(url)

    await asyncio.gather(*(connect(url) for url in urls))
    return {"waiting": len(urls)}


async def told() -> Mapping[str, Any]:
    """When each reader was told of its settlement, by address and on the monotonic clock that all processes share."""
    return dict(_told_at)


async def flood(url: str, addresses: list[str], per_second: int, seconds: float) -> Mapping[str, Any]:
    """Ask from these addresses, in turn, whether or not there are answers; gives how often each status came."""
    statuses: Counter[str] = Counter()
    connector = aiohttp.TCPConnector(limit=MOST_CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as asking:

        async def ask(address: str) -> None:
            async with session.post(url, headers={"X-Forwarded-For": address}) as response:
                await response.read()
                statuses[str(response.status)] += 1

        began = time.monotonic()
        for number in range(int(per_second * seconds)):
            await asyncio.sleep(began + number / per_second - time.monotonic())
            asking.create_task(ask(addresses[number % len(addresses)]))
    return statuses


async def open_reader(url: str) -> None:
    """Connect and wait for the first event; a bare protocol, so that a thousand readers cost next to nothing."""
    parts = urlsplit(url)
    host, _, port = parts.netloc.partition(":")
    loop = asyncio.get_running_loop()
    told: asyncio.Future[None] = loop.create_future()
    transport, _ = await loop.create_connection(lambda: _Reader(url, told), host, int(port))
    request = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: text/event-stream\r\n\r\n"
    transport.write(request.encode())
    await asyncio.wait_for(told, PATIENCE_SECONDS)


class _Reader(asyncio.Protocol):
    def __init__(self, url: str, told: asyncio.Future[None]) -> None:
        self._url, self._told = url, told

    def data_received(self, data: bytes) -> None:
        if b"event: open" in data and not self._told.done():
            self._told.set_result(None)
        if b"event: settled" in data:
            _told_at[self._url] = time.monotonic()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._told.done():
            self._told.set_exception(exc or ConnectionResetError("the gateway closed the stream"))


async def computed() -> Mapping[str, Any]:
    """The process id, and the CPU time used so far."""
    return {"pid": os.getpid(), "cpu_seconds": time.process_time()}


_JOBS: Mapping[str, Callable[..., Awaitable[Mapping[str, Any]]]] = {
    "post": post,
    "add": add,
    "wait": wait,
    "told": told,
    "flood": flood,
    "computed": computed,
}
