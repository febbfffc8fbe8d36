"""Wakes requests that wait for an invoice, by payment hash. Wake-ups are lossy and come after the commit."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gateway.errors import TooMany

DROP_GONE_EVERY_SECONDS = 1.0


class Hub:
    """The waiters of this process. A wake carries only the payment hash, so a waiter reads the row again."""

    def __init__(self, *, most: int, most_per_invoice: int) -> None:
        self._waiters: dict[str, dict[asyncio.Event, Callable[[], bool]]] = {}
        self._dropped_at = 0.0
        self._most = most
        self._most_per_invoice = most_per_invoice
        self.count = 0
        self.closed = False

    @contextmanager
    def waiting(self, payment_hash: str, *, is_there: Callable[[], bool] = lambda: True) -> Iterator[asyncio.Event]:
        """Register a waiter, which then reads the row; every wake sets the event. Raises `TooMany`.

        `is_there` tells whether the client is still connected: a waiter whose client has left does not count.
        """
        if len(self._waiters.get(payment_hash, ())) >= self._most_per_invoice:
            self._drop_gone(payment_hash)
        if (
            self.count >= self._most
            and (now := asyncio.get_running_loop().time()) >= self._dropped_at + DROP_GONE_EVERY_SECONDS
        ):
            self._dropped_at = now
            for waited_for in list(self._waiters):
                self._drop_gone(waited_for)
        if self.count >= self._most or len(self._waiters.get(payment_hash, ())) >= self._most_per_invoice:
            raise TooMany(
                "too_many_waiters",
                "Too many streams wait already; ask again for the state instead.",
                retry_after_seconds=15,
            )
        event = asyncio.Event()
        self._waiters.setdefault(payment_hash, {})[event] = is_there
        self.count += 1
        try:
            yield event
        finally:
            self._drop(payment_hash, event)

    def wake(self, payment_hash: str) -> None:
        """Set the event of every waiter of this invoice."""
        for event in self._waiters.get(payment_hash, ()):
            event.set()

    def close(self) -> None:
        """Wake every waiter for the last time: the process stops."""
        self.closed = True
        for waiters in self._waiters.values():
            for event in waiters:
                event.set()

    def _drop_gone(self, payment_hash: str) -> None:
        for event, is_there in list(self._waiters[payment_hash].items()):
            if not is_there():
                event.set()
                self._drop(payment_hash, event)

    def _drop(self, payment_hash: str, event: asyncio.Event) -> None:
        waiters = self._waiters.get(payment_hash, {})
        if waiters.pop(event, None) is not None:
            self.count -= 1
        if not waiters:
            self._waiters.pop(payment_hash, None)
