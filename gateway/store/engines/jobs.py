"""Pieces of work for a thread of the SQLite store, and the delivery of their results to the callers."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from gateway.ports.store import Tx


@dataclass(slots=True)
class Job:
    """A piece of work, the future that its caller awaits, and what came of it."""

    work: Callable[[Tx], Any]
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None
    bare: Callable[[Connection], bool] | None = None
    """Runs outside of every transaction, in place of `work`."""


def deliver(jobs: list[Job]) -> None:
    """Deliver results to the waiting callers, with one call for each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Job]] = {}
    for job in jobs:
        by_loop.setdefault(job.future.get_loop(), []).append(job)
    for loop, some in by_loop.items():
        # A closed loop has no one waiting.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(resolve, some)


def resolve(jobs: list[Job]) -> None:
    """Resolve the futures of jobs; runs on their event loop."""
    for job in jobs:
        if job.future.done():
            continue
        if job.error is not None:
            job.future.set_exception(_raisable(job.error))
        else:
            job.future.set_result(job.result)


def _raisable(error: BaseException) -> Exception:
    """An error that a future can raise: not a BaseException, and not StopIteration."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    told = RuntimeError(f"work raised {error!r}")
    told.__cause__ = error
    return told
