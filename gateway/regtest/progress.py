"""The step under way, for the person who waits."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from gateway.regtest.process import Report


@contextmanager
def shown(first: str) -> Iterator[Report]:
    """Show each step that is reported: on a terminal as a line that changes, elsewhere as a line each."""
    console = Console(stderr=True, highlight=False)
    if console.is_terminal:
        with console.status(first) as line:
            yield line.update
        return
    last = ""

    def tell(step: str) -> None:
        nonlocal last
        # The steps of a build differ by a count alone; one line for all of them will do in a log.
        stem = re.sub(r"\d+", "", step)
        if stem != last:
            console.print(step, soft_wrap=True, markup=False)
            last = stem

    yield tell
