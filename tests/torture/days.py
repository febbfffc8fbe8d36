"""T11: simulated days, one after the other on every core that this process may use."""

import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from multiprocessing import get_context

from gateway.regtest.process import Report
from tests.days.day import Outcome, simulate
from tests.torture.tally import Failed, Tally

DAYS_OF_A_PROCESS = 50


def live(*, days: int, seed: int, report: Report) -> Tally:
    """The days of so many seeds. Raises `Failed` with the command that lives through a bad one again."""
    whole = Tally()
    cores = len(os.sched_getaffinity(0))
    seeds = range(seed, seed + days)
    # What a process keeps of its days ends with it. A pool that renews its processes itself can hang on Python 3.11.
    for first in range(0, days, cores * DAYS_OF_A_PROCESS):
        with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
            some = seeds[first : first + cores * DAYS_OF_A_PROCESS]
            for outcome in as_completed([pool.submit(simulate_briefly, one) for one in some]):
                whole += _tally(outcome.result())
                report(f"{whole.days} days, {whole.payments} payments")
    return whole


def simulate_briefly(seed: int) -> Outcome:
    """A day without its journal, which would cost more to pass on than to live through again."""
    return replace(simulate(seed), journal=())


def _tally(outcome: Outcome) -> Tally:
    if outcome.complaints:
        raise Failed(f"{'; '.join(outcome.complaints)}: python -m tests.days {outcome.seed} --journal")
    return Tally(
        payments=outcome.payments,
        kills=outcome.kills,
        resets=outcome.resets,
        replays=outcome.replays,
        restarts=outcome.restarts,
        days=1,
        lost=len(outcome.verdict.lost),
        double=len(outcome.verdict.double),
        drift_msat=outcome.verdict.drift_msat,
        longest_delay_seconds=outcome.longest_told_seconds,
    )
