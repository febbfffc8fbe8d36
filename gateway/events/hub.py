"""Wakes requests that wait for an invoice, by payment hash. Wake-ups are lossy and come after the commit."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.errors import TooMany


class Hub:
    """The waiters of this process. A wake carries only the payment hash, so a waiter reads the row again."""

    def __init__(self, *, most: int, most_per_invoice: int) -> None:
        self._waiters: dict[str, set[asyncio.Event]] = {}
        self._most = most
        self._most_per_invoice = most_per_invoice
        self.count = 0
        self.closed = False

    @contextmanager
    def waiting(self, payment_hash: str) -> Iterator[asyncio.Event]:
        """Register a waiter, which then reads the row; every wake sets the event. Raises `TooMany`."""
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
            self._remove(payment_hash, event)

    def leave(self, payment_hash: str, event: asyncio.Event) -> None:
        """Wake a waiter for the last time and stop counting it: its client has disconnected."""
        event.set()
        self._remove(payment_hash, event)

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

    def _remove(self, payment_hash: str, event: asyncio.Event) -> None:
        waiters = self._waiters.get(payment_hash, set())
        if event in waiters:
            waiters.remove(event)
            self.count -= 1
        if not waiters:
            self._waiters.pop(payment_hash, None)
