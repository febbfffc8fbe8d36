"""From LND's own settlement event to the reader who is told over SSE, while a thousand others wait."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import median

import aiohttp
from lndgrpc.compiled import lightning_pb2 as ln

from gateway.regtest.node import Node
from tools.bench.bench import Bench
from tools.bench.figure import Line, percentile
from tools.bench.nodes import BenchNode, Payable
from tools.bench.served import Served, buy

PAYMENTS = 200
IDLE_READERS = 1_000
PATIENCE_SECONDS = 30.0


async def measure(bench: Bench) -> list[Line]:
    """One payment at a time; both events are timed in this process."""
    node = await bench.node()
    async with bench.gateway("told") as served, bench.driver() as readers, aiohttp.ClientSession() as session:
        bench.report(f"told: {IDLE_READERS} readers begin to wait")
        idle = [await buy(session, served) for _ in range(IDLE_READERS)]
        await readers.ask(do="wait", urls=[invoice["events_url"] for invoice in idle])
        async with settlements(node) as settled_at:
            added = []
            for number in range(PAYMENTS):
                bench.report(f"told: payment {number + 1} of {PAYMENTS}")
                added.append(await added_ms(session, served, node, settled_at))
    note = f"{PAYMENTS} payments, {IDLE_READERS} idle readers"
    return [
        Line(
            what="told after LND's own event, p50", value=median(added), unit="ms", at_most=5, note=note, samples=added
        ),
        Line(what="told after LND's own event, p99", value=percentile(added, 99), unit="ms", at_most=25),
        Line(what="told after LND's own event, most", value=max(added), unit="ms"),
    ]


async def added_ms(
    session: aiohttp.ClientSession, served: Served, node: BenchNode, settled_at: "dict[str, asyncio.Future[float]]"
) -> float:
    """From LND's own event to the one that a reader of `served` gets, for one payment, in milliseconds."""
    invoice = await buy(session, served)
    payment_hash = invoice["payment_hash"]
    seen: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    settled_at[payment_hash] = seen
    async with session.get(invoice["events_url"]) as stream:
        await _until_told(stream, b"event: open")
        paying = asyncio.create_task(node.pay(Payable(payment_hash, invoice["payment_request"])))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await _until_told(stream, b"event: settled")
            told_at = time.perf_counter()
            added = told_at - await seen
            await paying
    return added * 1000


async def _until_told(stream: aiohttp.ClientResponse, event: bytes) -> None:
    async for line in stream.content:
        if line.startswith(event):
            return
    msg = f"the stream ended before {event.decode()}"
    raise RuntimeError(msg)


@asynccontextmanager
async def settlements(node: BenchNode) -> AsyncIterator["dict[str, asyncio.Future[float]]"]:
    """Instants by payment hash, as LND tells them to a subscriber of its own."""
    settled_at: dict[str, asyncio.Future[float]] = {}
    async with Node(node.credentials) as direct:
        stream = direct.lightning.SubscribeInvoices(ln.InvoiceSubscription())

        async def listen() -> None:
            async for message in stream:
                if message.state == ln.Invoice.SETTLED and (seen := settled_at.get(message.r_hash.hex())):
                    seen.set_result(time.perf_counter())

        listening = asyncio.create_task(listen())
        try:
            yield settled_at
        finally:
            stream.cancel()
            listening.cancel()
            await asyncio.wait([listening])
