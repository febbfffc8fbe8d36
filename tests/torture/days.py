"""T11: simulated days, one after the other on every core that this process may use."""

import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace

from gateway.regtest.process import Report
from tests.days.day import Outcome, simulate
from tests.torture.tally import Failed, Tally


def live(*, days: int, seed: int, report: Report) -> Tally:
    """The days of so many seeds. Raises `Failed` with the command that lives through a bad one again."""
    whole = Tally()
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), max_tasks_per_child=50) as pool:
        for outcome in as_completed([pool.submit(simulate_briefly, seed + n) for n in range(days)]):
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
