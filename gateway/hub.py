"""Who waits for which invoice: lossy wake-ups by payment hash, after the commit."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.errors import TooMany


class Hub:
    """Wakes waiters; a wake carries only the key, so a waiter reads the row again."""

    def __init__(self, *, most: int, most_per_invoice: int) -> None:
        self._waiters: dict[str, set[asyncio.Event]] = {}
        self._most = most
        self._most_per_invoice = most_per_invoice
        self.count = 0
        self.closed = False

    @contextmanager
    def waiting(self, payment_hash: str) -> Iterator[asyncio.Event]:
        """Register before reading the row; the event is set by every wake. Raises `TooMany`."""
        if self.count >= self._most or len(self._waiters.get(payment_hash, ())) >= self._most_per_invoice:
            raise TooMany(
                "too_many_waiters",
                "Too many streams wait already; ask again for the state instead.",
                retry_after_seconds=15,
            )
        event = asyncio.Event()
        self._waiters.setdefault(payment_hash, set()).add(event)
        self.count += 1
        try:
            yield event
        finally:
            self.count -= 1
            waiters = self._waiters[payment_hash]
            waiters.discard(event)
            if not waiters:
                del self._waiters[payment_hash]

    def wake(self, payment_hash: str) -> None:
        """Let every waiter of this invoice look again."""
        for event in self._waiters.get(payment_hash, ()):
            event.set()

    def close(self) -> None:
        """Wake everyone for good: the process stops."""
        self.closed = True
        for waiters in self._waiters.values():
            for event in waiters:
                event.set()
