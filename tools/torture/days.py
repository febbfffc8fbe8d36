"""T11: simulated days, one after the other on every core that this process may use."""

import os
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import replace
from multiprocessing import get_context

from gateway.regtest.process import Report
from tools.days.simulation import Outcome, simulate
from tools.torture.tally import Tally

DAYS_OF_A_PROCESS = 50


def live(*, days: int, seed: int, report: Report) -> Tally:
    """The days of so many seeds; of a bad one `broken` has the command that lives through it again."""
    whole = Tally()
    cores = len(os.sched_getaffinity(0))
    seeds = range(seed, seed + days)
    # What a process keeps of its days ends with it. A pool that renews its processes itself can hang on Python 3.11.
    for first in range(0, days, cores * DAYS_OF_A_PROCESS):
        with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
            some = seeds[first : first + cores * DAYS_OF_A_PROCESS]
            lived = {pool.submit(simulate_briefly, one): one for one in some}
            for outcome in as_completed(lived):
                whole += tally_of(lived[outcome], outcome)
                report(f"{whole.days} days, {whole.payments} payments")
    return whole


def simulate_briefly(seed: int) -> Outcome:
    """A day without its journal, which would cost more to pass on than to live through again."""
    return replace(simulate(seed), journal=())


def tally_of(seed: int, lived: "Future[Outcome]") -> Tally:
    """A day that has ended, in whatever way."""
    again = f"python -m tools.days {seed} --journal"
    if (error := lived.exception()) is not None:
        return Tally(days=1, broken=(f"{error!r}: {again}",))
    outcome = lived.result()
    return Tally(
        broken=(f"{'; '.join(outcome.complaints)}: {again}",) if outcome.complaints else (),
        payments=outcome.payments,
        kills=outcome.kills,
        resets=outcome.resets,
        replays=outcome.replays,
        restarts=outcome.restarts,
        days=1,
        payouts=outcome.check.payouts.payouts,
        lost=len(outcome.check.lost),
        double=len(outcome.check.double),
        paid_twice=len(outcome.check.payouts.paid_twice),
        released_wrongly=len(outcome.check.payouts.released_wrongly),
        drift_msat=outcome.check.drift_msat,
        longest_delay_seconds=outcome.longest_told_seconds,
    )
