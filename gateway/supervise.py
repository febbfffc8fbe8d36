"""Supervised background work: restarts with backoff, and is cancelled and awaited at exit."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog

from gateway.errors import TuppenceError

DEFECT = "an internal error; see the log"

T = TypeVar("T")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """The wait before failed work is tried again: doubled after each failure, from the first to the longest."""

    first_seconds: float = 0.2
    longest_seconds: float = 5.0


BACKOFF = Backoff()


@dataclass(slots=True)
class Progress:
    """The progress that a supervised function reports; only `made()` resets the backoff.

    `optional`: its failure is reported but does not make the process not ready.
    """

    failures: int = 0
    last_error: str = ""
    optional: bool = False
    backoff: Backoff = BACKOFF
    _retry: asyncio.Event = field(default_factory=asyncio.Event)

    def made(self) -> None:
        """Report real progress, more than a connection."""
        self.failures = 0
        self.last_error = ""

    def recovered(self) -> None:
        """Report that it is connected again and has caught up; progress may not come for a long time."""
        self.last_error = ""

    def idle(self) -> None:
        """Report that another replica does the work."""
        self.made()

    def is_failing(self) -> bool:
        """Whether it has failed more than once since the last progress: the first retry is almost immediate."""
        return bool(self.last_error) and self.failures > 1

    def retry_now(self) -> None:
        """End the wait before the next try, because a dependency answers again. Does not apply to a defect."""
        if self.last_error not in {"", DEFECT}:
            self._retry.set()

    async def pause(self) -> None:
        """Wait before the next try."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.delay_seconds()):
                await self._retry.wait()
        self._retry.clear()

    def delay_seconds(self) -> float:
        """The capped, jittered wait before the next try."""
        longest: float = min(self.backoff.longest_seconds, self.backoff.first_seconds * 2 ** min(self.failures, 10))
        return longest * (0.5 + random.random() / 2)  # noqa: S311  # jitter, not a secret


Work = Callable[[Progress], Awaitable[None]]


@dataclass(slots=True)
class Supervisor:
    """The background tasks of a process, by name."""

    backoff: Backoff = BACKOFF
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    progress: dict[str, Progress] = field(default_factory=dict)

    def dead(self) -> list[str]:
        """Names of tasks that ended by themselves, which makes the process not ready."""
        return [name for name, task in self.tasks.items() if task.done()]

    @asynccontextmanager
    async def supervise(
        self, name: str, work: Work, *, optional: bool = False, backoff: Backoff | None = None
    ) -> AsyncIterator[None]:
        """Run `work` and restart it whenever it ends or fails; cancel and await it on exit."""
        progress = self.progress[name] = Progress(optional=optional, backoff=backoff or self.backoff)
        task = self.tasks[name] = asyncio.create_task(_forever(name, work, progress), name=name)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            del self.tasks[name]


def begin(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Start a task that continues when its (shielded) callers have been cancelled."""
    task = asyncio.create_task(work)
    # The exception is retrieved here, so that asyncio does not warn when no caller is left.
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    return task


async def finish(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end even if the caller is cancelled."""
    return await asyncio.shield(begin(work))


async def survive(work: Awaitable[object], name: str) -> None:
    """Wait for work whose defect must not end the work around it: that is logged. Raises `TuppenceError`."""
    try:
        await work
    except TuppenceError:
        raise
    # A defect in one of many things must not keep the others from being done.
    except Exception:
        log.exception("work_failed", work=name)


def is_being_cancelled() -> bool:
    """Whether the running task is being cancelled; False for a CancelledError raised by what it awaits."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def every(seconds: float, look: Callable[[], Awaitable[object]]) -> Work:
    """Work that calls `look` periodically, for ever."""

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
        # A defect in one round must not end the work for good: it is logged with its traceback, and the work restarted.
        except Exception:
            log.exception("work_failed", work=name, failures=progress.failures)
            progress.last_error = DEFECT
        progress.failures += 1
        await progress.pause()
