"""`python -m tools.torture [PART…] [--quick] [--seed N]`: break everything that can break, and count what was lost."""

import asyncio
import json
import logging
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import structlog
import typer
from rich.console import Console
from rich.markup import escape

from gateway.cli.serve import allow_many_connections
from gateway.regtest.process import Report
from tools.running_cluster import Aim, NotRunning
from tools.torture import days, flood, kills, outages, replays, resets, restarts, takeovers, waiters
from tools.torture.databases import DatabaseKind
from tools.torture.payouts import kills as payout_kills
from tools.torture.payouts import seeds as payout_seeds
from tools.torture.tally import Failed, Tally

FOLDER = Path(".tuppence/torture")
DATABASES: tuple[DatabaseKind, ...] = ("sqlite", "postgres")

Part = Callable[[Path, bool, int, Report], Tally]

errors = Console(stderr=True, highlight=False, soft_wrap=True)


def _kills(folder: Path, quick: bool, seed: int, report: Report) -> Tally:
    return _kill("sqlite", folder, quick, seed, report)


def _kills_postgres(folder: Path, quick: bool, seed: int, report: Report) -> Tally:
    return _kill("postgres", folder, quick, seed, report)


def _kill(database: DatabaseKind, folder: Path, quick: bool, seed: int, report: Report) -> Tally:
    count, payments = (25, 1_000) if quick else (200, 20_000)
    return asyncio.run(kills.kill(folder, database=database, kills=count, payments=payments, seed=seed, report=report))


def _takeovers(folder: Path, quick: bool, seed: int, report: Report) -> Tally:
    return asyncio.run(takeovers.take_over(folder, takeovers=4 if quick else 50, seed=seed, report=report))


def _takeovers_at(folder: Path, quick: bool, seed: int, report: Report) -> Tally:
    count = 2 if quick else 20
    return asyncio.run(takeovers.take_over_at(Aim(), folder, takeovers=count, seed=seed, report=report))


def _resets(folder: Path, quick: bool, seed: int, report: Report) -> Tally:
    return asyncio.run(resets.reset(folder, resets=20 if quick else 200, seed=seed, report=report))


def _replays(folder: Path, quick: bool, seed: int, report: Report) -> Tally:
    count, settlements = (100, 1_000) if quick else (500, 10_000)
    whole = Tally()
    for kind in DATABASES:
        each = replays.replay(
            folder / kind, database=kind, replays=count, settlements=settlements, seed=seed, report=report
        )
        whole += asyncio.run(each)
    return whole


def _restarts(folder: Path, quick: bool, seed: int, report: Report) -> Tally:
    return asyncio.run(restarts.restart_simulated(folder, restarts=10 if quick else 100, seed=seed, report=report))


def _lnd(folder: Path, quick: bool, seed: int, report: Report) -> Tally:
    return asyncio.run(restarts.restart_real(folder, restarts=2 if quick else 20, seed=seed, report=report))


def _outages(folder: Path, quick: bool, seed: int, report: Report) -> Tally:
    seconds = 10 if quick else 60
    whole = Tally()
    for outage in (outages.without_node, outages.without_database):
        whole += asyncio.run(outage(folder / outage.__name__, seconds=seconds, seed=seed, report=report))
    return whole


def _flood(folder: Path, quick: bool, seed: int, report: Report) -> Tally:
    return asyncio.run(flood.withstand(folder, seconds=10 if quick else 60, seed=seed, report=report))


def _waiters(folder: Path, quick: bool, seed: int, report: Report) -> Tally:
    return asyncio.run(waiters.tell(folder, waiters=1_000 if quick else 9_000, seed=seed, report=report))


def _days(_: Path, quick: bool, seed: int, report: Report) -> Tally:
    return days.live(days=20 if quick else 1_000, seed=seed * 1_000_000, report=report)


def _payouts(folder: Path, quick: bool, seed: int, report: Report) -> Tally:
    simulated = payout_seeds.pay(seeds=20 if quick else 500, seed=seed * 1_000_000, report=report)
    count, payouts = (2, 20) if quick else (20, 200)
    real = payout_kills.pay_under_kills(folder, kills=count, payouts=payouts, seed=seed, report=report)
    return simulated + asyncio.run(real)


PARTS: dict[str, tuple[Part, str]] = {
    "kills": (_kills, "the gateway is killed 5 to 500 ms after it was ready, under payments"),
    "kills-postgres": (_kills_postgres, "the same on PostgreSQL"),
    "takeovers": (_takeovers, "of three replicas on PostgreSQL the one that settles is killed, stopped, cut off"),
    "resets": (_resets, "the connection to the node is reset, sliced and swallowed"),
    "replays": (_replays, "on each database settlements are told again from every index, and credited under kills"),
    "restarts": (_restarts, "a simulated node is restarted under payments"),
    "lnd": (_lnd, "a real LND is restarted under payments, every second time by SIGKILL"),
    "outages": (_outages, "the node is out of reach for a minute under payments, and then PostgreSQL is stopped"),
    "flood": (_flood, "invoices are asked for by hundreds a second, and honest readers pay meanwhile"),
    "waiters": (_waiters, "thousands wait at one replica, whose notifications fail while others settle"),
    "days": (_days, "simulated days, all faults on"),
    "payouts": (
        _payouts,
        "payouts whose process ends at any step, simulated, and gateway and a real LND killed under more",
    ),
}

AIMED: dict[str, tuple[Part, str]] = {
    "takeovers": (_takeovers_at, "of the replicas of a running cluster the one that settles is killed, stopped"),
}


def main(
    names: Annotated[list[str] | None, typer.Argument(help="Parts; all of them if none is named.")] = None,
    *,
    quick: Annotated[bool, typer.Option("--quick", help="Some minutes rather than an hour.")] = False,
    seed: Annotated[int, typer.Option(min=1, help="What chance is drawn from.")] = 1,
    cluster: Annotated[
        bool, typer.Option("--cluster", help="Take over at the cluster that `make cluster` runs, and nothing else.")
    ] = False,
    listed: Annotated[bool, typer.Option("--list", help="List the parts and stop.")] = False,
) -> None:
    """Torture the gateway; the last line is JSON. Exit status 1: something was lost, broken or too slow."""
    if listed:
        for name, (_, what) in PARTS.items():
            errors.print(f"{name:14} {what}")
        return
    parts = AIMED if cluster else PARTS
    unknown = sorted(set(names or ()) - set(parts))
    if unknown:
        raise typer.BadParameter(f"{', '.join(unknown)}: there are {', '.join(parts)}")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    allow_many_connections()
    whole = Tally()
    for name in names or parts:
        try:
            whole += _run(name, *parts[name], quick, seed)
        except NotRunning as problem:
            raise typer.BadParameter(str(problem)) from problem
        except Failed as failure:
            again = f"make torture PARTS={name} SEED={seed}{' QUICK=1' * quick}{' CLUSTER=1' * cluster}"
            whole += Tally(broken=(f"{failure}; {_folder(name)} holds what is left; again: {again}",))
            errors.print(f"  {escape(whole.broken[-1])}")
    if not conclude(whole):
        raise typer.Exit(1)


def conclude(whole: Tally) -> bool:
    """Say all that was wrong, the worst first, and the line; tells whether nothing was."""
    failed = [f"{count} {what}" for what, count in whole.losses.items() if count] + [*whole.broken]
    for word, sentences in (("failed", failed), ("slow", whole.slow)):
        for sentence in sentences:
            errors.print(f"[bold red]{word}:[/] {escape(sentence)}")
    sys.stdout.write(json.dumps(whole.line()) + "\n")
    return not (failed or whole.slow)


def _folder(name: str) -> Path:
    return (FOLDER / name).resolve()


def _run(name: str, part: Part, what: str, quick: bool, seed: int) -> Tally:
    folder = _folder(name)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    started = time.monotonic()
    errors.print(f"[bold]{name}[/]: {what}")
    tally = part(folder, quick, seed, _Progress())
    for sentence in (*tally.broken, *tally.slow, *tally.notes):
        errors.print(f"  {escape(sentence)}")
    errors.print(f"  {json.dumps(tally.line())} in {time.monotonic() - started:.0f} s")
    return tally


class _Progress:
    """A line every few seconds."""

    def __init__(self) -> None:
        self._said_at = time.monotonic()

    def __call__(self, step: str) -> None:
        if time.monotonic() - self._said_at > 5:
            errors.print(f"  {step}")
            self._said_at = time.monotonic()


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
