"""Background work that outlives its errors."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog

from gateway.errors import TuppenceError

FIRST_DELAY_SECONDS = 0.2
LONGEST_DELAY_SECONDS = 5.0
DEFECT = "an internal error; see the log"

T = TypeVar("T")

log = structlog.get_logger()


@dataclass(slots=True)
class Progress:
    """What a supervised function reports: `made()` on real work done, which alone resets the backoff.

    `optional`: nobody loses more than a moment while it fails.
    """

    failures: int = 0
    last_error: str = ""
    optional: bool = False
    _hurried: asyncio.Event = field(default_factory=asyncio.Event)

    def made(self) -> None:
        """Something was achieved, more than a connection."""
        self.failures = 0
        self.last_error = ""

    def recovered(self) -> None:
        """It is connected again and has caught up; there may be nothing more to do for a long time."""
        self.last_error = ""

    def rests(self) -> None:
        """There is nothing to do here for now: another replica does it."""
        self.made()

    def is_failing(self) -> bool:
        """Whether it has failed more than once since it last got on: after the first time it is tried again at once."""
        return bool(self.last_error) and self.failures > 1

    def hurry(self) -> None:
        """What it needs answers again: end the wait for the next try. A defect is not hurried."""
        if self.last_error not in {"", DEFECT}:
            self._hurried.set()

    async def pause(self) -> None:
        """Wait for the next try."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.delay_seconds()):
                await self._hurried.wait()
        self._hurried.clear()

    def delay_seconds(self) -> float:
        """The capped, jittered wait before the next try."""
        longest: float = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** min(self.failures, 10))
        return longest * (0.5 + random.random() / 2)  # noqa: S311  # jitter, not a secret


Work = Callable[[Progress], Awaitable[None]]


@dataclass(slots=True)
class Supervisor:
    """The running background work of a process, by name."""

    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    progress: dict[str, Progress] = field(default_factory=dict)

    def dead(self) -> list[str]:
        """Names of tasks that ended by themselves: readiness turns red."""
        return [name for name, task in self.tasks.items() if task.done()]

    @asynccontextmanager
    async def supervise(self, name: str, work: Work, *, optional: bool = False) -> AsyncIterator[None]:
        """Run `work` again whenever it ends or fails, until this context is left; then cancel and await it."""
        progress = self.progress[name] = Progress(optional=optional)
        task = self.tasks[name] = asyncio.create_task(_forever(name, work, progress), name=name)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            del self.tasks[name]


def begin(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Begin what goes on even when everyone who waits for it, shielded, has gone."""
    task = asyncio.create_task(work)
    # Looked at, so that asyncio does not complain for a caller who has gone.
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    return task


async def finish(work: Coroutine[Any, Any, T]) -> T:
    """Finish what has begun, even for a caller who is cancelled."""
    return await asyncio.shield(begin(work))


def is_being_cancelled() -> bool:
    """Whether somebody cancels the running task; False for a CancelledError that came from what it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def every(seconds: float, look: Callable[[], Awaitable[object]]) -> Work:
    """Work that does one thing again and again, for ever."""

    async def work(progress: Progress) -> None:
        while True:
            await look()
            progress.made()
            await asyncio.sleep(seconds)

    return work


async def _forever(name: str, work: Work, progress: Progress) -> None:
    while True:
        try:
            await work(progress)
        except TuppenceError as error:
            log.warning("work_interrupted", work=name, code=error.code, failures=progress.failures)
            progress.last_error = error.detail
        except asyncio.CancelledError:
            if is_being_cancelled():
                raise
            log.exception("work_failed", work=name, failures=progress.failures)
            progress.last_error = DEFECT
        # A defect in one round must not end the work for good: it is logged whole and tried again.
        except Exception:
            log.exception("work_failed", work=name, failures=progress.failures)
            progress.last_error = DEFECT
        progress.failures += 1
        await progress.pause()
