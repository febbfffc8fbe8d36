"""A bell between replicas on PostgreSQL: it says that there is something to read, never what.

It rings by a connection of its own after the commits that it tells of: NOTIFY inside a settling transaction would make
every commit wait for every other.
"""

import asyncio
from contextlib import suppress
from typing import Any

from gateway.errors import Unavailable
from gateway.store.engines.postgres import one_connection
from gateway.supervise import Progress

CHANNEL = "tuppence"
MOST_PER_SECOND = 20
PROBE_EVERY_SECONDS, ANSWER_SECONDS = 15.0, 5.0


class PostgresDoorbell:
    """Satisfies `ports.Doorbell`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pressed, self._heard = asyncio.Event(), asyncio.Event()

    def ring(self) -> None:
        self._pressed.set()

    async def wait(self, seconds: float) -> None:
        await _is_set(self._heard, seconds)
        self._heard.clear()

    async def serve(self, progress: Progress) -> None:
        async with one_connection(self._url) as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            driver.add_termination_listener(lambda _: self._pressed.set())
            await driver.add_listener(CHANNEL, lambda *_: self._heard.set())
            try:
                await self._answer(driver, progress)
            finally:
                # A polite end would wait for an answer, on a connection that may give none.
                driver.terminate()

    async def _answer(self, driver: Any, progress: Progress) -> None:
        # What was rung while nobody listened.
        self._heard.set()
        progress.recovered()
        while True:
            is_rung = await _is_set(self._pressed, PROBE_EVERY_SECONDS)
            self._pressed.clear()
            if driver.is_closed():
                raise Unavailable("database_away", "The database ended the doorbell's connection.")
            # A connection on which nothing passes any more says so to nobody but to who asks.
            await driver.execute(f"NOTIFY {CHANNEL}" if is_rung else "SELECT 1", timeout=ANSWER_SECONDS)
            progress.made()
            await asyncio.sleep(1 / MOST_PER_SECOND)


async def _is_set(event: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
