"""T2 and T3: a stream that replays every index, twice and shuffled, and settlers that crash while they catch up."""

import asyncio
from pathlib import Path
from random import Random
from secrets import token_bytes

import pytest

from gateway.rows import InvoiceState
from gateway.settlement.settle import Settler
from gateway.settlement.sweep import Sweeper
from gateway.simulator.core import Simulator
from gateway.simulator.in_process_node import InProcessNode
from gateway.simulator.invoice import ReplayOrder
from tests.support.announced import Announced
from tests.support.clock import turns
from tests.support.domain import Domain
from tests.support.rows import EXPIRY_SECONDS
from tools.torture.databases import DatabaseKind
from tools.torture.replays import replay, replay_from_every_index

MANY = 60


@pytest.mark.parametrize("order", ReplayOrder, ids=str)
async def test_a_replay_from_every_index_credits_each_settlement_once(domain: Domain, order: ReplayOrder) -> None:
    domain.core.quirks.replay_order, domain.core.quirks.overlap = order, 3
    await replay_from_every_index(domain, MANY, Random(1), lambda _: None, shuffled=False)
    assert len(domain.announced) == len(set(domain.announced)) == MANY - 1, "no index replays the first settlement"
    await domain.sweeper.sweep()
    assert len(domain.announced) == MANY
    assert (await domain.balances())["creator:alice"] == MANY * 70_000


@pytest.mark.parametrize("rounds", [1, 3, 10, 30, 100])
async def test_a_catch_up_that_is_broken_off_anywhere_goes_on_where_it_was(domain: Domain, rounds: int) -> None:
    invoices = await domain.sell_many(MANY)
    for invoice in invoices:
        domain.pay(invoice)
    broken_off = asyncio.create_task(domain.sweeper.sweep())
    await turns(rounds)
    broken_off.cancel()
    await asyncio.wait([broken_off])
    await domain.sweeper.sweep()
    assert await domain.states(invoices) == ["settled"] * MANY
    assert len(domain.announced) == MANY


async def test_three_settlers_that_catch_up_at_once_credit_once(domain: Domain) -> None:
    """Replicas that all believe to be the one that settles."""
    invoices = await domain.sell_many(MANY)
    for invoice in invoices:
        domain.pay(invoice)
    announced = Announced()
    settlers = [Settler(domain.node, domain.store, domain.clock, announced) for _ in range(3)]
    sweepers = [Sweeper(domain.pinned, settler, domain.store, domain.clock) for settler in settlers]
    await asyncio.gather(*(sweeper.sweep() for sweeper in sweepers))
    assert sorted(announced.settled_hashes) == sorted(invoice.payment_hash for invoice in invoices)
    assert (await domain.balances())["creator:bob"] == MANY * 30_000


async def test_a_node_restored_from_an_older_state_takes_nothing_back(domain: Domain) -> None:
    """It no longer knows what it has settled since; the counters run on from where the backup was."""
    key = b"\1" * 32
    assert isinstance(domain.node, InProcessNode)
    domain.node._core = domain.core = Simulator(clock=domain.clock, random_bytes=token_bytes, key=key)
    old, lost, unpaid = await domain.sell_many(3)
    domain.pay(old)
    backup = list(domain.core.invoices)
    domain.pay(lost)
    await domain.sweeper.sweep()
    restored = Simulator(clock=domain.clock, random_bytes=token_bytes, key=key)
    restored.restore(backup)
    domain.node._core = domain.core = restored
    new = await domain.sell()
    domain.pay(new)
    domain.clock.advance(EXPIRY_SECONDS + 10)
    await domain.sweeper.sweep()
    assert await domain.states([old, lost, unpaid, new]) == ["settled", "settled", "canceled", "settled"]
    assert (await domain.row(new)).settle_index == (await domain.row(lost)).settle_index
    assert (await domain.row(lost)).state is InvoiceState.SETTLED


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def test_a_gateway_that_is_killed_while_it_catches_up_credits_everything_once(
    tmp_path: Path, database: DatabaseKind
) -> None:
    """A process of its own, killed in the middle; real time passes."""
    tally = await replay(tmp_path, database=database, replays=20, settlements=100, seed=1, report=lambda _: None)
    assert tally.is_clean, tally
    assert (tally.payments, tally.replays) == (120, 20)
