"""A look at what others have changed, shared by all who ask for one meanwhile, and not more often than it may be."""

import asyncio
from collections.abc import Awaitable, Callable

from gateway.supervise import begin


class SharedLook:
    """`look` is called at most once in so many seconds; who asks waits for one that began after they asked."""

    def __init__(self, look: Callable[[], Awaitable[None]], *, every_seconds: float) -> None:
        self._look, self._every_seconds = look, every_seconds
        self._looking = asyncio.Lock()
        self._looked_at: float | None = None
        self._next: asyncio.Task[None] | None = None

    async def ask(self) -> None:
        """Raises what `look` raises."""
        if self._next is None or self._next.done():
            self._next = begin(self._once())
        await asyncio.shield(self._next)

    async def _once(self) -> None:
        async with self._looking:
            now = asyncio.get_running_loop().time
            if self._looked_at is not None:
                await asyncio.sleep(self._looked_at + self._every_seconds - now())
            # From here on nobody joins: it could have changed since it was read.
            self._looked_at, self._next = now(), None
            await self._look()
