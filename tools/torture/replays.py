"""T2 and T3: settlements told again from every index, shuffled and doubled, and thousands credited under kills."""

import asyncio
import secrets
from collections.abc import Sequence
from pathlib import Path
from random import Random

from gateway.ports.node import NodeInvoice
from gateway.regtest.process import Report
from gateway.rows import Invoice
from gateway.simulator.core import Simulator
from gateway.simulator.in_process_node import InProcessNode
from tests.support.clock import FakeClock
from tests.support.domain import Domain, open_domain
from tests.support.rows import START
from tools.bench.served import put_on_sale
from tools.torture.databases import DatabaseKind, open_database, open_rig
from tools.torture.rig import Rig
from tools.torture.tally import Failed, Tally

MOST_KILLS = 10


async def replay(
    folder: Path, *, database: DatabaseKind, replays: int, settlements: int, seed: int, report: Report
) -> Tally:
    """So many replays, and so many settlements to be caught up with while the gateway is killed. Raises `Failed`."""
    with open_database(database) as url:
        replayed = await _replay_to_domain(folder / "domain", url, replays, Random(seed), report)
    async with open_rig(folder / "served", database, Random(seed)) as rig:
        return replayed + await _catch_up_under_kills(rig, settlements, report)


async def replay_from_every_index(
    domain: Domain, settlements: int, rng: Random, report: Report, *, shuffled: bool
) -> Sequence[Invoice]:
    """Sell and pay so many invoices, and replay them from every index: in LND's order, or each twice in any order.

    No index replays the first settlement: that of 0 asks for no backlog, and 1 leaves it out. The sweep finds it.
    """
    invoices = await domain.sell_many(settlements)
    for invoice in rng.sample(invoices, settlements):
        domain.pay(invoice)
    for index in rng.sample(range(settlements + 1), settlements + 1):
        report(f"replays from index {index}")
        await domain.settler.settle(_told_from(domain, index, rng, shuffled=shuffled))
    return invoices


async def _replay_to_domain(folder: Path, database_url: str, replays: int, rng: Random, report: Report) -> Tally:
    clock = FakeClock(START)
    core = Simulator(clock=clock, random_bytes=secrets.token_bytes)
    async with open_domain(folder, clock, core, database_url=database_url) as domain:
        core.quirks.overlap = 5
        invoices = await replay_from_every_index(domain, replays, rng, report, shuffled=True)
        await domain.sweeper.sweep()
        balances = await domain.balances()
        credited_msat = sum(msat for account, msat in balances.items() if account.startswith("creator:"))
        paid_msat = sum(int(invoice.amount_msat) for invoice in invoices)
        if len(domain.announced) != len(invoices):
            raise Failed(f"{len(invoices)} settlements, {len(domain.announced)} credits")
        return Tally(payments=len(invoices), replays=replays, drift_msat=abs(credited_msat - paid_msat))


def _told_from(domain: Domain, index: int, rng: Random, *, shuffled: bool) -> list[NodeInvoice]:
    """The invoices that LND's stream replays from an index; if `shuffled`, each twice and in any order."""
    assert isinstance(domain.node, InProcessNode)
    stream = domain.core.subscribe(add_index=0, settle_index=index, wake=lambda: None)
    told = [domain.node._translate(row) for row in iter(stream.take, None)]
    domain.core.unsubscribe(stream)
    return rng.sample(told * 2, len(told) * 2) if shuffled else told


async def _catch_up_under_kills(rig: Rig, settlements: int, report: Report) -> Tally:
    """All of them settle while the gateway is away; each life is killed in the middle of crediting them."""
    kills = 0
    async with rig.gateway() as served:
        await put_on_sale(served)
        await rig.stock(served, settlements)
        served.kill()
    await rig.pay(settlements)
    while (credited := await rig.credited()) < settlements and kills < MOST_KILLS:
        report(f"{credited} of {settlements} credited, {kills} kills")
        async with rig.gateway() as served:
            await asyncio.sleep(rig.rng.uniform(0.005, 0.5))
            served.kill()
        kills += 1
    async with rig.gateway() as served:
        seconds = await rig.until_credited()
        await rig.open_some(served)
    return await rig.tally(kills=kills + 1, longest_delay_seconds=seconds)
