"""One at a time by key, within this process: who asks while another is being answered can be given the same."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """A lock for each key that somebody holds or waits for. It spares work; what is promised rests on constraints."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def turn(self, key: str) -> AsyncIterator[None]:
        """Wait for everyone who came before with this key."""
        lock, count = self._waiting.get(key, (asyncio.Lock(), 0))
        self._waiting[key] = lock, count + 1
        try:
            async with lock:
                yield
        finally:
            lock, count = self._waiting.pop(key)
            if count > 1:
                self._waiting[key] = lock, count - 1
