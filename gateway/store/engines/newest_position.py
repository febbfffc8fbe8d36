"""The newest event position, recorded in a file beside an SQLite database, to detect a database that lost rows.

SQLite itself accepts an older copy of a database file, or one whose log (-wal) was deleted.
"""

import asyncio
from contextlib import suppress
from pathlib import Path

from gateway.errors import Unavailable
from gateway.ports.store import Store, Tx

State = tuple[int, ...]
"""The newest event's position, the catalog's version, and how often money was reserved or sent: none ever decreases."""


def position_file(database: Path) -> Path:
    """The file that records the position of a database."""
    return database.with_name(f"{database.name}-newest")


class NewestPosition:
    """The record beside one database."""

    def __init__(self, store: Store, database: Path) -> None:
        self._store, self._database, self._path = store, database, position_file(database)
        self._recorded: State | None = None

    async def check(self) -> None:
        """Compare the database with the record. Raises `Unavailable` (`database_older`) where the record is newer.

        A used database without a record is a copy, or an older one that the operator wants to use: payouts are paused.
        """
        recorded, found = _read(self._path), await self._store.read(_state)
        if not self._path.exists():
            await self._adopt(found)
        if recorded is not None and any(was > now for was, now in zip(recorded, found, strict=False)):
            raise Unavailable(
                "database_older",
                f"{self._database} lacks what was written to it last: its log (-wal) was deleted, or it is an older "
                "copy. Put the newest back with the files beside it, or restore a backup into a new TUPPENCE_DATA_DIR. "
                f"To use this one all the same, delete {self._path}: payouts are paused then until tuppence payout "
                "resume, which lists what the nodes paid since; tuppence audit finds what they received.",
            )

    async def _adopt(self, found: State) -> None:
        if any(found):
            await self._store.write(lambda tx: tx.payout_pauses.pause_restored(since=0))
        # On a full disk reading goes on; the record is written once there is room.
        with suppress(Unavailable):
            await self.record()

    async def record(self) -> None:
        """Write the position, if it has changed. Raises `Unavailable` (`disk_refused`)."""
        state = await self._store.read(_state)
        if state == self._recorded:
            return
        try:
            await asyncio.to_thread(_write, self._path, state)
        except OSError as error:
            raise Unavailable("disk_refused", f"{self._path} cannot be written: {error.strerror}.") from error
        self._recorded = state


def _state(tx: Tx) -> State:
    return tx.events.last_position(), tx.items.version(), tx.payout_caps.count()


def _read(path: Path) -> State | None:
    """The recorded state; None where there is none to read, as after a power cut: the file is not flushed to disk."""
    with suppress(OSError, ValueError):
        return tuple(map(int, path.read_text().split()))
    return None


def _write(path: Path, state: State) -> None:
    scratch = path.with_name(f"{path.name}.new")
    scratch.write_text(" ".join(map(str, state)) + "\n")
    scratch.chmod(0o600)
    scratch.replace(path)
