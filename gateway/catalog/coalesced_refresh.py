"""Coalesces concurrent refreshes into one call and limits how often it is made."""

import asyncio
from collections.abc import Awaitable, Callable

from gateway.supervise import begin


class CoalescedRefresh:
    """Calls `refresh` at most once in `every_seconds`. A caller waits for a call that began after it asked."""

    def __init__(self, refresh: Callable[[], Awaitable[None]], *, every_seconds: float) -> None:
        self._refresh, self._every_seconds = refresh, every_seconds
        self._running = asyncio.Lock()
        self._started_at: float | None = None
        self._next: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Raises what `refresh` raises."""
        if self._next is None or self._next.done():
            self._next = begin(self._once())
        await asyncio.shield(self._next)

    async def _once(self) -> None:
        async with self._running:
            now = asyncio.get_running_loop().time
            if self._started_at is not None:
                await asyncio.sleep(self._started_at + self._every_seconds - now())
            # Later callers need a new call: the data may change after this one has read it.
            self._started_at, self._next = now(), None
            await self._refresh()
