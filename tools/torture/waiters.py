"""T21: thousands wait at one replica while another settles; then the notifications between them fail; then all pay."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from random import Random

from gateway.regtest.process import Report
from tests.support.postgres_server import Cluster, open_cluster
from tools.bench.figure import percentile
from tools.bench.nodes import SimulatedNode, open_simulator, settings_of
from tools.bench.processes import Child, open_child
from tools.bench.replicas import open_replicas
from tools.torture.rig import LOOK_SECONDS, PATIENCE_SECONDS, Rig
from tools.torture.tally import Failed, Tally, slower

PAYMENT_EVERY_SECONDS = 0.04
# From a payment to its reader: of a hundred 99, and everybody while notifications are silent.
HEALTHY_SECONDS, SILENT_SECONDS = 0.25, 2.0
# Thousands paid at once have to be booked first, one after the other: everybody is told soon after the last credit.
ALL_CREDITED_SECONDS, AFTER_THE_LAST_SECONDS = 10.0, 2.0
SILENCE_EVERY_SECONDS = 0.05
SILENCE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ '^(LISTEN|NOTIFY|SELECT 1$)'"


async def tell(folder: Path, *, waiters: int, seed: int, report: Report) -> Tally:
    """Tell so many who wait. Raises `Failed`."""
    with open_cluster({}) as server:
        await server.execute("CREATE DATABASE tuppence")
        async with AsyncExitStack() as stack:
            node = await stack.enter_async_context(open_simulator(folder / "lnd"))
            readers = await stack.enter_async_context(
                open_child("from tools.bench.load import main; main()", loop="asyncio", cwd=folder, log=folder / "log")
            )
            url = server.url("tuppence")
            rig = Rig(folder, node, Random(seed), books_url=url)
            opened = open_replicas(folder, settings_of(node), [url, url], loop="asyncio")
            _, teller = await stack.enter_async_context(opened)
            report(f"{waiters} invoices")
            await rig.stock(teller.served, waiters)
            report(f"{waiters} streams")
            await readers.ask(do="wait", urls=[invoice["events_url"] for invoice in rig.unpaid])
            return await _tell(rig, node, readers, server, report)


async def _tell(rig: Rig, node: SimulatedNode, readers: Child, server: Cluster, report: Report) -> Tally:
    some = len(rig.unpaid) // 40
    report("payments while all is well")
    healthy = await delays(readers, await _pay_steadily(rig, some))
    report("payments while notifications are silent")
    silencing = asyncio.create_task(_silence(server))
    silent = await delays(readers, await _pay_steadily(rig, some))
    silencing.cancel()
    with suppress(asyncio.CancelledError):
        await silencing
    report("all others at once")
    paid_at = await _pay_all(rig, node)
    at_once, credited = await asyncio.gather(delays(readers, paid_at), rig.until_credited(since=min(paid_at.values())))
    return await rig.tally(
        longest_delay_seconds=max(healthy + silent + at_once),
        slow=(
            *slower("told of a payment, p99", percentile(healthy, 99), HEALTHY_SECONDS),
            *slower("told of a payment without notifications", max(silent), SILENT_SECONDS),
            *slower(f"{len(at_once)} paid at once credited", credited, ALL_CREDITED_SECONDS),
            *slower("told after the last credit of these", max(at_once) - credited, AFTER_THE_LAST_SECONDS),
        ),
        notes=(
            f"told of {len(healthy)} payments: p99 {percentile(healthy, 99) * 1000:.0f} ms",
            f"of {len(silent)} without notifications: at most {max(silent):.2f} s",
            f"of {len(at_once)} paid at once: the last after {max(at_once):.1f} s, credited after {credited:.1f} s",
        ),
    )


async def _pay_steadily(rig: Rig, count: int) -> Mapping[str, float]:
    """When each was paid, by the address of its stream."""
    paid_at: dict[str, float] = {}
    for _ in range(count):
        began = time.monotonic()
        invoice = await rig.pay_one()
        paid_at[invoice["events_url"]] = began
        await asyncio.sleep(PAYMENT_EVERY_SECONDS)
    return paid_at


async def _pay_all(rig: Rig, node: SimulatedNode) -> Mapping[str, float]:
    began = time.monotonic()
    await node.tell("settle-open")
    paid_at = {invoice["events_url"]: began for invoice in rig.unpaid}
    rig.paid += rig.unpaid
    rig.unpaid.clear()
    return paid_at


async def delays(readers: Child, paid_at: Mapping[str, float]) -> list[float]:
    """From each payment to its reader, in seconds. Raises `Failed` when somebody is never told."""
    began = time.monotonic()
    while untold := _untold(paid_at, told_at := await readers.ask(do="told")):
        if time.monotonic() - began > PATIENCE_SECONDS:
            raise Failed(f"{len(untold)} of {len(paid_at)} readers were not told in {PATIENCE_SECONDS:.0f} s")
        await asyncio.sleep(LOOK_SECONDS)
    return [told_at[url] - at for url, at in paid_at.items()]


def _untold(paid_at: Iterable[str], told_at: Mapping[str, float]) -> list[str]:
    return [url for url in paid_at if url not in told_at]


async def _silence(server: Cluster) -> None:
    """End whoever listens or notifies, as soon as it is back."""
    while True:
        await server.execute(SILENCE)
        await asyncio.sleep(SILENCE_EVERY_SECONDS)
