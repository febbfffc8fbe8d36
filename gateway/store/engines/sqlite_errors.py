"""Errors of SQLite as `Unavailable`, with a detail that tells the operator what to do."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from gateway.errors import Unavailable

_RESTORE = "The file is damaged: move it away, and restore a backup (tuppence restore)."
_HINTS = {
    "SQLITE_NOTADB": _RESTORE,
    "SQLITE_CORRUPT": _RESTORE,
    "SQLITE_BUSY": "Another program holds it locked: end that program, then try again.",
    "SQLITE_LOCKED": "Another program holds it locked: end that program, then try again.",
    "SQLITE_READONLY": "Make the file and its folder writable for the user that the gateway runs as.",
    "SQLITE_PERM": "Make the file and its folder writable for the user that the gateway runs as.",
    "SQLITE_CANTOPEN": "See that its folder exists and that the user that the gateway runs as may write there.",
    "SQLITE_FULL": "The disk is full: make room.",
    "SQLITE_IOERR": "The disk is full or failing: make room, and look at the system's log.",
}
"""The advice about an error, by the prefix of its SQLite name."""


def sqlite_unavailable(path: Path, error: BaseException) -> Unavailable:
    """The error (`database_away`) that names the database file and says what to do."""
    original = getattr(error, "orig", None) or error
    name = getattr(original, "sqlite_errorname", "")
    hint = next((hint for beginning, hint in _HINTS.items() if name.startswith(beginning)), "")
    return Unavailable("database_away", f"{path} refused: {original}. {hint}".rstrip(), retry_after_seconds=5)


@contextmanager
def sqlite_errors(path: Path) -> Iterator[None]:
    """Raise an error of SQLite as `Unavailable` (`database_away`) that names the file."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        raise sqlite_unavailable(path, error) from error
