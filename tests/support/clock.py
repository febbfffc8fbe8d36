"""Time in tests: a clock to move, and waiting for what will happen without guessing how long it takes."""

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from time import process_time

from gateway.supervise import Backoff

PATIENCE_SECONDS = 20.0
LOOK_SECONDS = 0.005


QUICK_BACKOFF = Backoff(first_seconds=0.02, longest_seconds=0.1)


class FakeClock:
    """Seconds since 1970 that pass only when told."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        """The instant."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


async def until(predicate: Callable[[], bool | Awaitable[bool]], *, patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Return as soon as the predicate holds; fail when patience ends."""
    async with asyncio.timeout(patience_seconds):
        while not await _holds(predicate):  # noqa: ASYNC110 - what is awaited has no event to wait for
            await asyncio.sleep(LOOK_SECONDS)


async def unless_changed(predicate: Callable[[], bool | Awaitable[bool]], *, rounds: int = 20) -> None:
    """Fail if the predicate stops holding while everything that is ready to run has run."""
    for _ in range(rounds):
        assert await _holds(predicate)
        await asyncio.sleep(LOOK_SECONDS)


async def turns(count: int = 1) -> None:
    """Let everything that is ready to run go on, so many times; no time passes."""
    for _ in range(count):
        await asyncio.sleep(0)


def cpu_seconds(work: Callable[[], object]) -> float:
    """What a call costs this process, however busy the machine is."""
    began = process_time()
    work()
    return process_time() - began


async def _holds(predicate: Callable[[], bool | Awaitable[bool]]) -> bool:
    answer = predicate()
    return await answer if isawaitable(answer) else bool(answer)
