"""From the start of the process to the line that says it is ready, on a folder that has been used before."""

from tools.bench.bench import Bench
from tools.bench.figure import Line, line_of

ROUNDS = 7


async def measure(bench: Bench) -> list[Line]:
    """The first start, which makes folder and database, is not measured."""
    seconds = []
    for number in range(ROUNDS + 1):
        async with bench.gateway("start") as served:
            bench.report(f"start: {number} of {ROUNDS}")
            seconds.append(served.ready_at - served.started_at)
    return [
        line_of("start to ready, warm", seconds[1:], "s", at_most=2),
        Line(what="start to ready, first time", value=seconds[0], unit="s"),
    ]
