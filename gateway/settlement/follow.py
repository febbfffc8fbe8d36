"""Follows the live stream of a node's invoices, for speed; the sweep at every connect is the replay."""

import asyncio
from contextlib import aclosing

import structlog

from gateway.errors import Unavailable
from gateway.nodes.identity import PinnedNode
from gateway.ports.node import Node, NodeInvoice, NodeInvoiceState
from gateway.settlement.settle import Settler
from gateway.settlement.sweep import Sweeper
from gateway.supervise import Progress, finish

BATCH = 256
SECOND_SWEEP_AFTER_SECONDS = 2.0
# If the database is away, the stream is closed instead of left unread: LND queues without bound for a slow reader.
MOST_UNBOOKED = 10_000

log = structlog.get_logger()


async def follow(
    pinned: PinnedNode,
    settler: Settler,
    sweeper: Sweeper,
    progress: Progress,
    *,
    second_sweep_after_seconds: float = SECOND_SWEEP_AFTER_SECONDS,
    most_unbooked: int = MOST_UNBOOKED,
) -> None:
    """Settle what the stream reports until it breaks or stalls. Raises `Unavailable`."""
    await pinned.confirm_again()
    reports: asyncio.Queue[NodeInvoice] = asyncio.Queue(most_unbooked)
    parts = [
        asyncio.create_task(_listen(settler.node, reports), name="listen"),
        asyncio.create_task(_book(settler, reports, progress), name="book"),
        asyncio.create_task(_sweep_on_connect(sweeper, progress, second_sweep_after_seconds), name="sweep-on-connect"),
        asyncio.create_task(sweeper.stalled_stream(), name="stalled"),
    ]
    try:
        await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        # A part ends only by raising.
        next(part for part in parts if part.done()).result()
    finally:
        sweeper.stream_ended()
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)


async def _listen(node: Node, reports: asyncio.Queue[NodeInvoice]) -> None:
    async with aclosing(node.subscribe()) as stream:
        async for report in stream:
            try:
                reports.put_nowait(report)
            except asyncio.QueueFull as error:
                raise Unavailable("database_away", "Settlements arrive faster than the database books them.") from error
    raise Unavailable("node_away", "The node ended its stream.")


async def _book(settler: Settler, reports: asyncio.Queue[NodeInvoice], progress: Progress) -> None:
    while True:
        batch = [await reports.get()]
        while len(batch) < BATCH and not reports.empty():
            batch.append(reports.get_nowait())
        # LND reports every new invoice too.
        if not any(report.state is NodeInvoiceState.SETTLED for report in batch):
            continue
        # A settlement in progress is committed even if the stream breaks meanwhile.
        if await finish(settler.settle(batch)):
            progress.made()


async def _sweep_on_connect(sweeper: Sweeper, progress: Progress, again_after_seconds: float) -> None:
    """Sweep at once and twice later, for settlements that fell into the set-up of the subscription."""
    await sweeper.sweep()
    sweeper.stream_began()
    await asyncio.sleep(again_after_seconds)
    await sweeper.sweep()
    progress.recovered()
    await asyncio.sleep(progress.backoff.longest_seconds)
    await sweeper.sweep()
    # A connection alone is no progress; a stream that outlived the longest backoff is.
    progress.made()
    await asyncio.Event().wait()
