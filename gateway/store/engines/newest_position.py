"""How far the books have come, noted beside an SQLite database: one that lost its newest part is not taken for whole.

A file that was put back from long ago, or whose log (-wal) was deleted, looks whole to SQLite.
"""

import asyncio
from contextlib import suppress
from pathlib import Path

from gateway.errors import Unavailable
from gateway.ports.store import Store, Tx

State = tuple[int, int]
"""The newest event's position and the catalog's version: neither ever goes back."""


def note_of(database: Path) -> Path:
    """The file of the note."""
    return database.with_name(f"{database.name}-newest")


class Newest:
    """The note beside one database."""

    def __init__(self, store: Store, database: Path) -> None:
        self._store, self._database, self._path = store, database, note_of(database)
        self._noted: State | None = None

    async def check(self) -> None:
        """Raises `Unavailable` (`database_older`) when the books had come further than the database knows."""
        noted, found = _read(self._path), await self._store.read(_state)
        if noted is not None and any(was > now for was, now in zip(noted, found, strict=True)):
            raise Unavailable(
                "database_older",
                f"{self._database} lacks what was written to it last: its log (-wal) was deleted, or it is an older "
                "copy. Put the newest back with the files beside it, or restore a backup into a new TUPPENCE_DATA_DIR. "
                f"If it shall be this one, delete {self._path}; payments since then are found by tuppence audit.",
            )

    async def note(self) -> None:
        """Write down how far the books are, when they have come further. Raises `Unavailable`."""
        state = await self._store.read(_state)
        if state == self._noted:
            return
        try:
            await asyncio.to_thread(_write, self._path, state)
        except OSError as error:
            raise Unavailable("disk_refused", f"{self._path} cannot be written: {error.strerror}.") from error
        self._noted = state


def _state(tx: Tx) -> State:
    return tx.events.last_position(), tx.items.version()


def _read(path: Path) -> State | None:
    """None where nothing readable is, as after a power cut: it is not flushed to the disk."""
    with suppress(OSError, ValueError):
        position, version = path.read_text().split()
        return int(position), int(version)
    return None


def _write(path: Path, state: State) -> None:
    scratch = path.with_name(f"{path.name}.new")
    scratch.write_text("{} {}\n".format(*state))
    scratch.chmod(0o600)
    scratch.replace(path)
