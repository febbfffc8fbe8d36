"""An event loop on virtual time: it stands still while anything can run, and leaps when nothing can."""

import asyncio
import random
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class VirtualLoop(asyncio.SelectorEventLoop):
    """Waits for nothing: no files, no threads, and no second of real time."""

    def __init__(self) -> None:
        self._leap = _Leap()
        super().__init__(self._leap)
        # Sums of floats may fall short of an instant by less than this.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._leap.now


class _Leap(selectors.SelectSelector):
    """A selector that advances the virtual time instead of sleeping."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        assert timeout is not None, "nothing can ever happen again"
        self.now += max(0.0, timeout)
        return []


def run_virtually(main: Coroutine[Any, Any, T], *, seed: int) -> T:
    """Run to the end on virtual time; the jitter of `random` is the seed's, too."""
    state = random.getstate()
    random.seed(seed)
    try:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(main)
    finally:
        random.setstate(state)
