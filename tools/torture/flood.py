"""T18: two networks ask for hundreds of invoices a second, while honest readers buy and pay."""

import asyncio
import time
from pathlib import Path
from random import Random

import aiohttp

from gateway.regtest.process import Report
from tests.support.tcp_proxy import tcp_proxy
from tools.bench.figure import percentile
from tools.bench.nodes import SimulatedNode, open_simulator
from tools.bench.processes import Child, open_child
from tools.bench.served import Served, buy, invoices_url, put_on_sale
from tools.torture.rig import Rig
from tools.torture.tally import Failed, Tally, slower

PER_SECOND = 400
ATTACKERS = ("203.0.113.7", "203.0.112.9")
HONEST = 20
BUY_EVERY_SECONDS = 3.0
# Each way, so that an invoice costs the node 10 ms.
NODE_DELAY_SECONDS = 0.005
OPEN_PER_CLIENT = 20
MOST_GROWTH_BYTES = 64 * 2**20
# Under the flood an honest reader may wait twice as long as without it; a difference of some milliseconds is noise.
TIMES_IDLE, NOISE_SECONDS = 2, 0.05
LEAST_ASKED = 0.9
# As the configuration has them by default, and a proxy that says who asks.
LIMITS = {
    "TUPPENCE_TRUSTED_PROXIES": "127.0.0.1",
    "TUPPENCE_INVOICES_PER_CLIENT": "30/minute",
    "TUPPENCE_INVOICES_PER_ITEM": "1200/minute",
    "TUPPENCE_INVOICES_OVERALL": "100/second",
    "TUPPENCE_OPEN_INVOICES_PER_CLIENT": str(OPEN_PER_CLIENT),
    "TUPPENCE_OPEN_INVOICES": "10000",
}


async def withstand(folder: Path, *, seconds: int, seed: int, report: Report) -> Tally:
    """A flood of so many seconds. Raises `Failed`."""
    async with (
        open_simulator(folder / "lnd") as node,
        tcp_proxy(node.credentials.target) as proxy,
        open_child("from tools.bench.load import main; main()", loop="asyncio", cwd=folder, log=folder / "log") as mob,
    ):
        proxy.delay_seconds = NODE_DELAY_SECONDS
        rig = Rig(folder, node, Random(seed), variables={**LIMITS, "TUPPENCE_LND_TARGET": proxy.target})
        async with rig.gateway() as served:
            await put_on_sale(served)
            report("honest readers alone")
            idle = await _honest(rig, served, seconds / 2)
            before = served.resident_bytes()
            report("and a flood")
            flooding = asyncio.create_task(_flood(mob, served, seconds))
            flooded = await _honest(rig, served, seconds)
            longest = await rig.until_credited()
            statuses, per_second = await flooding
            await _check_flood(rig, node, statuses)
            growth = served.resident_bytes() - before
            await rig.open_some(served)
        _check_growth(growth)
        _check_disk(folder / "data")
        alone, crowded = percentile(idle, 99), percentile(flooded, 99)
        what = "an honest reader's invoice, p99"
        rate = f"asked for {per_second:.0f} invoices a second"
        return await rig.tally(
            longest_delay_seconds=longest,
            slow=(
                *slower(f"{what} under a flood", crowded, max(TIMES_IDLE * alone, NOISE_SECONDS)),
                *([f"a flood that {rate} of {PER_SECOND}"] if per_second < LEAST_ASKED * PER_SECOND else ()),
            ),
            notes=(
                f"{what}: {alone * 1000:.0f} ms alone, {crowded * 1000:.0f} ms under a flood that {rate}",
                f"grown by {growth / 2**20:.1f} MiB",
            ),
        )


async def _honest(rig: Rig, served: Served, seconds: float) -> list[float]:
    """The seconds that each invoice took, for readers who buy and pay, each from a network of their own."""
    took: list[float] = []

    async def read(number: int) -> None:
        address = {"X-Forwarded-For": f"198.51.{number}.7"}
        async with aiohttp.ClientSession(headers=address) as session:
            await asyncio.sleep(rig.rng.uniform(0, min(BUY_EVERY_SECONDS, seconds)))
            while time.monotonic() < ends_at:
                began = time.monotonic()
                rig.unpaid.append(await _buy(session, served))
                took.append(time.monotonic() - began)
                await rig.pay_one()
                await asyncio.sleep(min(BUY_EVERY_SECONDS, ends_at - time.monotonic()))

    ends_at = time.monotonic() + seconds
    await asyncio.gather(*(read(number) for number in range(HONEST)))
    return took


async def _buy(session: aiohttp.ClientSession, served: Served) -> dict[str, object]:
    try:
        return await buy(session, served)
    except RuntimeError as error:
        raise Failed(f"an honest reader was refused: {error}") from error


async def _flood(mob: Child, served: Served, seconds: int) -> tuple[dict[str, int], float]:
    """The number of answers by status, and the answers per second."""
    began = time.monotonic()
    statuses: dict[str, int] = await mob.ask(
        do="flood", url=invoices_url(served), addresses=ATTACKERS, per_second=PER_SECOND, seconds=seconds
    )
    return statuses, sum(statuses.values()) / (time.monotonic() - began)


async def _check_flood(rig: Rig, node: SimulatedNode, statuses: dict[str, int]) -> None:
    if not statuses.keys() <= {"201", "429"}:
        raise Failed(f"the flood was answered {statuses}")
    issued = sum((await node.tell("count")).values())
    allowed = len(rig.paid) + len(ATTACKERS) * OPEN_PER_CLIENT
    if issued > allowed:
        raise Failed(f"the node was asked for {issued} invoices where {allowed} were allowed")


def _check_growth(growth: int) -> None:
    if growth > MOST_GROWTH_BYTES:
        raise Failed(f"the gateway grew by {growth / 2**20:.0f} MiB")


def _check_disk(folder: Path) -> None:
    kept = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    if any(address.rpartition(".")[0].encode() in kept for address in ATTACKERS):
        raise Failed("an address is on disk")
