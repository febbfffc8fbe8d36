"""Payouts whose process ends or stands still at any step, at a node that answers anything; then books and node.

`python -m tools.torture.payouts.seeds SEED…` lives through the payouts of these seeds again.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import suppress
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from structlog.testing import capture_logs

from gateway.books.ledger import creator_account
from gateway.errors import TuppenceError
from gateway.money import from_sat
from gateway.payouts.reconcile import PayoutDifference, reconcile_payouts
from gateway.payouts.request import Wanted
from gateway.regtest.process import Report
from gateway.rows.payouts import Asker, PayoutState, TryState
from gateway.simulator.core import Simulator
from gateway.simulator.payments.in_process_payer import InProcessPayer
from gateway.simulator.payments.payment import Answer, FailureReason, PaymentStatus, Plan
from tests.payouts.world import (
    Commit,
    Gate,
    Host,
    PayoutProcess,
    Steps,
    credit,
    drawn_answer,
    drawn_plan,
    paid_world,
    start_process,
)
from tests.support.clock import FakeClock
from tests.support.domain import Domain, open_domain
from tests.support.rows import NODE_ID, START
from tools.torture.payouts.comparison import compare_payouts, read_payouts
from tools.torture.tally import Tally

ALICE = creator_account("alice")
RECEIVED_SAT = 50_000
MOST_STEPS = 14
"""The steps of a process that asks, reserves, dispatches, sends and books, and some of an earlier one's payouts."""
SURVIVORS, ROUNDS, MOST_STANDING = 6, 5, 2
IN_VAIN = Plan(answer=Answer.SILENT, outcome=FailureReason.NO_ROUTE)
"""A call of which nobody learns that its payment has failed; another call may still pay the invoice."""
ENDED = (PayoutState.SUCCEEDED, PayoutState.CANCELED, PayoutState.NEEDS_DECISION)
SHORT_ROUNDS, ROUNDS_TO_END = 10, 70
SECONDS_AT_ONCE = 100
"""A request that is under way to the node arrives in its time, before its invoice has expired, if that is later."""


def pay(*, seeds: int, seed: int, report: Report) -> Tally:
    """The payouts of so many seeds, on every core that this process may use."""
    whole, ended = Tally(), 0
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), mp_context=get_context("spawn")) as pool:
        lived = {pool.submit(live_alone, one): one for one in range(seed, seed + seeds)}
        for outcome in as_completed(lived):
            whole, ended = whole + _tally_of(lived[outcome], outcome), ended + 1
            report(f"{ended} of {seeds} seeds, {whole.payouts} payouts")
    return whole


def live_alone(seed: int) -> Tally:
    """The payouts of a seed in a folder and on a loop of their own."""
    with TemporaryDirectory() as folder, capture_logs() as logs:
        tally = asyncio.run(live_through(Path(folder), seed=seed))
    defects = sum(log["event"] == "payout_defect" for log in logs)
    return tally + Tally(broken=(f"{defects} defects in the work on payouts",) if defects else ())


async def live_through(folder: Path, *, seed: int) -> Tally:
    """Payouts of one balance, by processes of which each ends one step later than the one before."""
    rng, clock = Random(seed), FakeClock(START)
    core, creators_node = paid_world(clock, rng.randbytes)
    async with open_domain(folder, clock, core) as domain:
        await credit(domain, "alice", RECEIVED_SAT, address="alice@host.example")
        before_msat = core.liquidity().outbound_msat
        host = Host(creators_node, rng.randbytes, expiry_seconds=rng.choice([600, 3_600, 86_400, 86_400]))

        def start(steps: Steps) -> PayoutProcess:
            return start_process(domain.store, core, host, clock, rng.randbytes, steps)

        def pass_seconds(seconds: int) -> None:
            for _ in range(0, seconds, SECONDS_AT_ONCE):
                clock.advance(min(seconds, SECONDS_AT_ONCE))
                core.payments.advance()

        await _live(core, start, pass_seconds, rng)
        await _end_all(domain, start(Steps()), pass_seconds)
        return await _compare(domain, core, spent_msat=before_msat - core.liquidity().outbound_msat)


async def _live(
    core: Simulator, start: Callable[[Steps], PayoutProcess], pass_seconds: Callable[[int], None], rng: Random
) -> None:
    """Processes that end, and beside them one that stands still between a row and its call, for up to some hours.

    Meanwhile the others send the same invoice, often in vain; then it may be the late call that pays.
    """

    def commit() -> Commit:
        return rng.choices(list(Commit), [18, 1, 1])[0]

    async def go_on() -> None:
        other = start(Steps())
        for _ in range(ROUNDS):
            await other.work()
            pass_seconds(SECONDS_AT_ONCE)
        core.payments.plan = Plan
        goes_on.set()
        await still.worker.settle_down()
        core.payments.plan = lambda: rng.choice([drawn_plan(rng), IN_VAIN])

    core.payments.track_answer = lambda: drawn_answer(rng)
    still, goes_on, stands_until = start(Steps()), Gate(), 0
    for number, kill_at in enumerate([*range(1, MOST_STEPS + 1), *[None] * SURVIVORS]):
        if number == stands_until:
            await go_on()
            goes_on = Gate()
            still, stands_until = start(Steps(before_sending=goes_on)), number + rng.randint(1, MOST_STANDING)
            await _ask(still, rng)
            await still.work_until(goes_on)
        process = start(Steps(kill_at=kill_at, commit=commit))
        await _ask(process, rng)
        for _ in range(ROUNDS):
            with suppress(TuppenceError):
                await process.work()
            pass_seconds(rng.choice([1, 100, 100, 100, 1_000]))
    await go_on()
    core.payments.plan, core.payments.track_answer = Plan, lambda: Answer.TOLD


async def _ask(process: PayoutProcess, rng: Random) -> None:
    wanted = Wanted(source_account=ALICE, asked_by=Asker.CREATOR, amount_msat=from_sat(rng.randint(100, 2_000)))
    with suppress(TuppenceError):
        await process.requests.ask(wanted)


async def _end_all(domain: Domain, process: PayoutProcess, pass_seconds: Callable[[int], None]) -> None:
    """Work until every payout has ended or needs a decision; the operator ends what no word of the node ends."""
    for round_ in range(ROUNDS_TO_END):
        await process.work()
        pass_seconds(100 if round_ < SHORT_ROUNDS else 4 * 3_600)
        payouts = await domain.store.read(read_payouts)
        left = [(payout, tries) for payout, tries in payouts if payout.state not in ENDED]
        if not left:
            return
    for payout, tries in left:
        assert tries[-1].state is TryState.DISPATCHED, "the money of all others was given back"
        await process.decisions.resolve(payout.payout_id, is_paid=False, note="the node does not have it")


async def _compare(domain: Domain, core: Simulator, *, spent_msat: int) -> Tally:
    """Books and node about every try, to the msat."""
    compare = partial(
        compare_payouts,
        node_id=NODE_ID,
        paid={row.payment_hash.hex() for row in core.payments if row.status is PaymentStatus.SUCCEEDED},
        received_msat=from_sat(RECEIVED_SAT),
        spent_msat=spent_msat,
    )
    differences = tuple(
        f"{found.payment_hash[:8]}: {found.difference}"
        for found in await reconcile_payouts(InProcessPayer(core, node_id=NODE_ID), domain.store)
        if found.difference is not PayoutDifference.RESOLVED
    )
    return await domain.store.read(compare) + Tally(kills=MOST_STEPS, broken=differences)


def _tally_of(seed: int, lived: "Future[Tally]") -> Tally:
    """What became of a seed; if anything is wrong, with the command that lives through it again."""
    again = f"python -m tools.torture.payouts.seeds {seed}"
    if (error := lived.exception()) is not None:
        return Tally(broken=(f"{error!r}: {again}",))
    tally = lived.result()
    return tally if tally.is_clean else tally + Tally(broken=(f"books and node differ: {again}",))


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        sys.stdout.write(f"{argument}: {live_alone(int(argument))}\n")
