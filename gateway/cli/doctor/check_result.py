"""The result of one check, and how it is printed."""

from dataclasses import dataclass

from gateway.terminal import BAD, GOOD, WARNING, say, say_lines

MARKS = {"good": GOOD, "warning": WARNING, "bad": BAD}


@dataclass(frozen=True, slots=True)
class CheckResult:
    """`status` is good, warning or bad, `what` is what was found, `hint` is what to do about it."""

    status: str
    what: str
    hint: str = ""


def show(result: CheckResult) -> None:
    """Print a result on a line, and its hint below it."""
    say(MARKS[result.status], f" {result.what}")
    if result.hint:
        say_lines(f"  → {result.hint}")
