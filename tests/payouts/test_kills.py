"""Wherever a process ends, and whatever the node answers, a payout is paid once or given back once."""

import random
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.books.ledger import creator_account, node_account
from gateway.errors import TuppenceError
from gateway.money import from_sat
from gateway.payouts.reconcile import PayoutDifference, reconcile_payouts
from gateway.payouts.request import Wanted
from gateway.rows.payouts import Asker, Payout, PayoutState, Try, TryState
from gateway.simulator.core import Simulator
from gateway.simulator.payments.in_process_payer import InProcessPayer
from gateway.simulator.payments.payment import Answer, FailureReason, PaymentStatus, Plan
from tests.payouts.world import Host, PayoutProcess, Steps, credit, paid_world, start_process
from tests.support.clock import FakeClock
from tests.support.domain import Domain, open_domain
from tests.support.rows import NODE_ID, START

ALICE = creator_account("alice")
MOST_STEPS = 14
ENDED = (PayoutState.SUCCEEDED, PayoutState.CANCELED, PayoutState.NEEDS_DECISION)


def drawn_plan(rng: random.Random) -> Plan:
    """What becomes of one call that pays."""
    return Plan(
        answer=rng.choice(list(Answer)),
        arrives_after_seconds=rng.choice([0, 0, 0, 30, 300]),
        is_recorded=rng.random() < 0.8,
        ends_after_seconds=rng.choice([0, 0, 1, 120, 3_600, 50_000]),
        outcome=rng.choice([FailureReason.NONE, FailureReason.NONE, FailureReason.NO_ROUTE, FailureReason.CANCELED]),
        fee_msat=rng.choice([None, 0, 999, 1_000, 1_001, 50_000]),
    )


@pytest.mark.parametrize("seed", range(50))
async def test_a_payout_is_paid_once_or_given_back_once_wherever_its_process_ends(seed: int, tmp_path: Path) -> None:
    rng, clock = random.Random(seed), FakeClock(START)
    core, creators_node = paid_world(clock, rng.randbytes)
    async with open_domain(tmp_path, clock, core) as domain:
        await credit(domain, "alice", 50_000, address="alice@host.example")
        before_msat = core.liquidity().outbound_msat
        host = Host(creators_node, rng.randbytes)
        core.payments.plan = lambda: drawn_plan(rng)
        core.payments.track_answer = lambda: rng.choice([Answer.TOLD, Answer.TOLD, Answer.SILENT, Answer.UNIMPLEMENTED])
        for kill_at in range(1, MOST_STEPS + 1):
            process = start_process(domain.store, core, host, clock, rng.randbytes, Steps(kill_at=kill_at))
            await live(process, clock, rng)
        core.payments.track_answer = lambda: Answer.TOLD
        core.payments.plan = Plan
        survivor = start_process(domain.store, core, host, clock, rng.randbytes, Steps())
        await end_all(domain, survivor, clock)
        await check(domain, core, spent_msat=before_msat - core.liquidity().outbound_msat)


async def live(process: PayoutProcess, clock: FakeClock, rng: random.Random) -> None:
    """Ask for a payout and work for a while, until the process ends."""
    wanted = Wanted(source_account=ALICE, asked_by=Asker.CREATOR, amount_msat=from_sat(rng.randint(100, 2_000)))
    with suppress(TuppenceError):
        await process.requests.ask(wanted)
        for _ in range(4):
            await process.work()
            clock.advance(rng.choice([1, 100, 1_000]))


async def end_all(domain: Domain, process: PayoutProcess, clock: FakeClock) -> None:
    """Work until every payout has ended or needs a decision; the operator ends what no word of the node ends."""
    for _ in range(60):
        await process.work()
        clock.advance(4 * 3_600)
        payouts = await all_payouts(domain)
        if all(payout.state in ENDED for payout, _ in payouts):
            return
    for payout, tries in payouts:
        if payout.state not in ENDED:
            assert tries[-1].state is TryState.DISPATCHED
            await process.decisions.resolve(payout.payout_id, is_paid=False, note="the node lists it as canceled")


async def all_payouts(domain: Domain) -> Sequence[tuple[Payout, Sequence[Try]]]:
    """Every payout with its tries."""
    return await domain.store.read(
        lambda tx: [
            (payout, tx.tries.of(payout.payout_id))
            for payout in tx.payouts.list(source_account=None, before=None, limit=500)
        ]
    )


async def check(domain: Domain, core: Simulator, *, spent_msat: int) -> None:
    """The books and the node agree about every try, to the msat."""
    at_node = {payment.payment_hash.hex(): payment for payment in core.payments}
    paid = {hash_ for hash_, payment in at_node.items() if payment.status is PaymentStatus.SUCCEEDED}
    tries = [try_ for _, tries in await all_payouts(domain) for try_ in tries]
    booked = {try_.payment_hash for try_ in tries if try_.state is TryState.SUCCEEDED}
    assert booked == paid
    assert not [try_ for try_ in tries if try_.state in {TryState.RESERVED, TryState.DISPATCHED}]
    found = await reconcile_payouts(InProcessPayer(core, node_id=NODE_ID), domain.store)
    assert {each.difference for each in found} <= {PayoutDifference.RESOLVED}
    balances = await domain.balances()
    assert not [account for account, msat in balances.items() if account.startswith("payout:") and msat]
    received_msat = 50_000_000
    assert balances[node_account(NODE_ID)] == spent_msat - received_msat
    assert balances[ALICE] == received_msat - spent_msat
