"""Hear of every settlement, whichever replica booked it: a doorbell says when to look, and each second will do."""

from gateway.ports.announcer import Announcer
from gateway.ports.store import Doorbell, Store
from gateway.supervise import Progress

LOOK_EVERY_SECONDS = 1.0
PAGE = 1_000


class Ear:
    """Reads new event positions; a position is never skipped, for they are taken in the order of commits."""

    def __init__(self, store: Store, doorbell: Doorbell, announcer: Announcer) -> None:
        self._store, self._doorbell, self._announcer = store, doorbell, announcer
        self.position = 0
        """Of the newest event that was told here."""

    async def begin(self) -> None:
        """What was booked before has been told, or nobody waits for it here."""
        self.position = await self._store.read(lambda tx: tx.events.last_position())

    async def listen(self, progress: Progress) -> None:
        """Tell each payment hash after its commit, for ever. Raises `Unavailable`."""
        while True:
            await self.look()
            progress.made()
            await self._doorbell.wait(LOOK_EVERY_SECONDS)

    async def look(self) -> None:
        """Tell what is new. Raises `Unavailable`."""
        while events := await self._store.read(lambda tx: tx.events.after(self.position, limit=PAGE)):
            for event in events:
                self._announcer.settled_elsewhere(event.payment_hash)
            self.position = events[-1].position
