"""Follows the event table, so that this replica learns of settlements that any other booked."""

from gateway.ports.announcer import Announcer
from gateway.ports.store import Notifications, Store
from gateway.supervise import Progress

POLL_EVERY_SECONDS = 1.0
PAGE = 1_000


class Feed:
    """Announces events in the order of their positions. Positions follow commit order, so none is skipped.

    A notification of another replica triggers a read at once; otherwise the table is read every second.
    """

    def __init__(self, store: Store, notifications: Notifications, announcer: Announcer) -> None:
        self._store, self._notifications, self._announcer = store, notifications, announcer
        self.position = 0
        """The position of the newest announced event."""

    async def start(self) -> None:
        """Begin after the newest event: nobody waits here for an earlier one. Raises `Unavailable`."""
        self.position = await self._store.read(lambda tx: tx.events.last_position())

    async def run(self, progress: Progress) -> None:
        """Announce events as they are committed, for ever. Raises `Unavailable`."""
        while True:
            await self.announce_new()
            progress.made()
            await self._notifications.wait(POLL_EVERY_SECONDS)

    async def announce_new(self) -> None:
        """Announce the events that were committed since the last call. Raises `Unavailable`."""
        while events := await self._store.read(lambda tx: tx.events.after(self.position, limit=PAGE)):
            for event in events:
                self._announcer.settled_elsewhere(event.payment_hash)
            self.position = events[-1].position
