"""Database files for tests: an empty one, migrated once for all, and a look at every row."""

import tempfile
from functools import cache
from pathlib import Path

from sqlalchemy import text

from gateway.store.audit import audit_books
from gateway.store.database import sqlite_engine
from gateway.store.migration import migrate

Dump = dict[str, list[tuple[object, ...]]]


def put_database(path: Path) -> None:
    """An empty, migrated database at `path`, unless there is one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        path.write_bytes(_migrated())


def broken_invariants(path: Path) -> list[str]:
    """The invariants of the books that a database breaks."""
    return [finding.sentence for finding in audit_books(path) if finding.broken]


def dump_tables(path: Path) -> Dump:
    """Every row of every table, to compare before and after."""
    engine = sqlite_engine(path)
    try:
        with engine.connect() as connection:
            names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"))
            return {
                name: sorted((tuple(row) for row in connection.execute(text(f"SELECT * FROM {name}"))), key=repr)  # noqa: S608  # our own tables
                for (name,) in names.all()
            }
    finally:
        engine.dispose()


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tuppence.db"
        engine = sqlite_engine(path)
        with engine.begin() as connection:
            migrate(connection)
        engine.dispose()
        return path.read_bytes()
