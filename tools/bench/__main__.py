"""`python -m tools.bench [NAME…]`: measure, show a table, and write `.tuppence/bench.json`."""

import asyncio
import json
import shutil
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from gateway.cli.serve import allow_many_connections
from gateway.regtest.process import Report
from tools.bench import aimed
from tools.bench.aimed import AimedBench
from tools.bench.bench import Bench
from tools.bench.figure import Line
from tools.bench.figures import (
    books,
    catch_up,
    content,
    invoices,
    payouts,
    reader,
    reservations,
    settlement,
    start,
    told,
    told_apart,
    waiters,
)
from tools.bench.machine import machine
from tools.bench.processes import Loop
from tools.bench.served import RAISED
from tools.running_cluster import Aim, NotRunning

FOLDER = Path(".tuppence/bench")
OUTPUT = Path(".tuppence/bench.json")

Measure = Callable[[Bench], Awaitable[list[Line]]]
FIGURES: Mapping[str, Measure] = {
    "invoices": invoices.measure,
    "told": told.measure,
    "content": content.measure,
    "catch_up": catch_up.measure,
    "waiters": waiters.measure,
    "start": start.measure,
    "settlement": settlement.measure,
    "told_apart": told_apart.measure,
    "books": books.measure,
    "payouts": payouts.measure,
    "reservations": reservations.measure,
    "reader": reader.measure,
}

WIDTH = 150
"""The width of a table that is written to a file."""

output = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
errors = Console(stderr=True, highlight=False)


def main(
    names: Annotated[list[str] | None, typer.Argument(help="Figures; all of them if none is named.")] = None,
    *,
    listed: Annotated[bool, typer.Option("--list", help="List the figures and stop.")] = False,
    simulated: Annotated[bool, typer.Option("--simulated", help="On the simulator, not on a real network.")] = False,
    real: Annotated[bool, typer.Option("--real", help="Pay the 10,000 of catch_up on the real network.")] = False,
    loop: Annotated[Loop, typer.Option(help="The event loop of gateway, drivers and bare handler.")] = "uvloop",
    cluster: Annotated[bool, typer.Option("--cluster", help="Aim at the cluster that `make cluster` runs.")] = False,
    network: Annotated[Path | None, typer.Option(help="A regtest network to start or use, and to leave.")] = None,
    json_path: Annotated[Path, typer.Option("--json", help="Where the figures go.")] = OUTPUT,
) -> None:
    """Measure what the gateway costs on top of LND, on this machine."""
    if listed:
        for name, measure in FIGURES.items():
            output.print(f"[bold]{name:12}[/] {_first_line(measure)}")
        return
    unknown = sorted(set(names or ()) - set(FIGURES))
    if unknown:
        raise typer.BadParameter(f"{', '.join(unknown)}: there are {', '.join(FIGURES)}")
    names = _aimable(names) if cluster else names
    allow_many_connections()
    folder = FOLDER.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)

    async def run(report: Report) -> Mapping[str, list[Line]]:
        async with AsyncExitStack() as stack:
            if cluster:
                bench: Bench = AimedBench(Aim(), folder, loop=loop, report=report, stack=stack)
                return {name: await FIGURES[name](bench) for name in names or ()}
            bench = Bench(
                folder,
                loop=loop,
                kind="simulated" if simulated else "regtest",
                real_catch_up=real,
                network=network,
                report=report,
                stack=stack,
            )
            return {name: await FIGURES[name](bench) for name in names or FIGURES}

    node = "the cluster's" if cluster else "simulated" if simulated else "regtest"
    about = machine() | {"loop": loop, "node": node}
    with errors.status("starting") as line:
        try:
            measured = asyncio.run(run(line.update if errors.is_terminal else _Steps()))
        except NotRunning as problem:
            raise typer.BadParameter(str(problem)) from problem
    _show(measured, about)
    _write(measured, about, json_path)
    output.print(f"written to {json_path}")


def _aimable(names: list[str] | None) -> list[str]:
    others = sorted(set(names or ()) - set(aimed.FIGURES))
    if others:
        raise typer.BadParameter(f"{', '.join(others)}: only {', '.join(aimed.FIGURES)} can aim at a cluster")
    return names or list(aimed.FIGURES)


class _Steps:
    """Progress where no line can be written over: each step once, whatever its count."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, step: str) -> None:
        stem = step.rstrip("0123456789 paidof")
        if stem != self._last:
            errors.print(step)
            self._last = stem


def _first_line(measure: Measure) -> str:
    return (sys.modules[measure.__module__].__doc__ or "").partition("\n")[0]


def _show(measured: Mapping[str, list[Line]], about: Mapping[str, str]) -> None:
    output.print(", ".join(f"{name} {value}" for name, value in about.items()))
    output.print("raised:", ", ".join(f"{name}={value}" for name, value in RAISED.items()))
    table = Table("figure", "what", "value", "spread", "target", "", "note", box=None)
    for name, lines in measured.items():
        for number, line in enumerate(lines):
            table.add_row("" if number else name, line.what, *_numbers(line), line.note)
    output.print(table)


def _numbers(line: Line) -> tuple[str, str, str, str]:
    spread = "" if line.low is None or line.high is None else f"{_round(line.low)} … {_round(line.high)}"
    reached = {True: "[green]reached[/]", False: "[red]not reached[/]", None: ""}[line.is_reached]
    return f"{_round(line.value)} {line.unit}", spread, line.target, reached


def _round(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _write(measured: Mapping[str, list[Line]], about: Mapping[str, str], path: Path) -> None:
    figures = {
        name: [asdict(line) | {"target": line.target, "reached": line.is_reached} for line in lines]
        for name, lines in measured.items()
    }
    whole = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": about, "raised": RAISED} | figures
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
