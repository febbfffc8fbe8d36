"""What the doctor finds: one thing looked at, how it is, and what to do."""

from dataclasses import dataclass

from gateway.terminal import BAD, GOOD, WARNING, say, say_lines

MARKS = {"good": GOOD, "warning": WARNING, "bad": BAD}


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing looked at: good, warning or bad; what was found; what to do."""

    health: str
    what: str
    hint: str = ""


def show(sign: Sign) -> None:
    """Print it."""
    say(MARKS[sign.health], f" {sign.what}")
    if sign.hint:
        say_lines(f"  → {sign.hint}")
