"""Notifications between replicas by PostgreSQL's LISTEN and NOTIFY.

They are sent on a separate connection after the commit: NOTIFY inside a settling transaction would make every commit
wait for every other.
"""

import asyncio
from contextlib import suppress
from typing import Any

from gateway.errors import Unavailable
from gateway.store.engines.postgres_connection import one_connection
from gateway.supervise import Progress

CHANNEL = "tuppence"
MOST_PER_SECOND = 20


class PostgresNotifications:
    """Satisfies `ports.store.Notifications`."""

    def __init__(self, url: str, *, probe_every_seconds: float = 15.0, answer_seconds: float = 5.0) -> None:
        self._url = url
        self._probe_every_seconds, self._answer_seconds = probe_every_seconds, answer_seconds
        self._requested, self._received = asyncio.Event(), asyncio.Event()

    def send(self) -> None:
        self._requested.set()

    async def wait(self, seconds: float) -> None:
        await _is_set(self._received, seconds)
        self._received.clear()

    async def serve(self, progress: Progress) -> None:
        async with one_connection(self._url) as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            driver.add_termination_listener(lambda _: self._requested.set())
            await driver.add_listener(CHANNEL, lambda *_: self._received.set())
            try:
                await self._answer(driver, progress)
            finally:
                # A polite end would wait for an answer, on a connection that may give none.
                driver.terminate()

    async def _answer(self, driver: Any, progress: Progress) -> None:
        # A notification may have been sent while nobody listened.
        self._received.set()
        progress.recovered()
        while True:
            is_requested = await _is_set(self._requested, self._probe_every_seconds)
            self._requested.clear()
            if driver.is_closed():
                raise Unavailable("database_away", "The database ended the connection for notifications.")
            # A dead TCP connection is noticed only when something is sent on it, so we probe.
            await driver.execute(f"NOTIFY {CHANNEL}" if is_requested else "SELECT 1", timeout=self._answer_seconds)
            progress.made()
            await asyncio.sleep(1 / MOST_PER_SECOND)


async def _is_set(event: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
