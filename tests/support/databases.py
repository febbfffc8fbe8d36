"""Databases for tests: empty ones, migrated once for all, and a look at every row."""

import asyncio
import tempfile
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, inspect, text

from gateway.store.engines.database import change_postgres, read_database
from gateway.store.engines.database_url import sqlite_path
from gateway.store.engines.invariants import audit
from gateway.store.engines.migration import migrate
from gateway.store.engines.sqlite import sqlite_engine

T = TypeVar("T")
COLUMNS = {"leases": "name, holder"}
Dump = dict[str, list[tuple[object, ...]]]


def put_database(path: Path) -> str:
    """An empty, migrated SQLite database at `path`, unless there is one; gives its address."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        path.write_bytes(_migrated())
    return f"sqlite:///{path}"


def broken_invariants(where: Path | str) -> list[str]:
    """The invariants of the books that a database (a file, or an address) breaks."""
    return [finding.sentence for finding in seen_in(where, audit) if finding.broken]


def dump_tables(where: Path | str) -> Dump:
    """Every row of every table, to compare before and after; of a lease its holder, for its end moves on and on."""
    return seen_in(where, _dump)


def seen_in(where: Path | str, look: Callable[[Connection], T]) -> T:
    """What one consistent read finds, whether or not a loop runs here."""
    return in_a_thread(read_database(f"sqlite:///{where}" if isinstance(where, Path) else where, look))


def change(url: str, work: Callable[[Connection], object]) -> None:
    """One transaction, as no code does it."""
    path = sqlite_path(url)
    if path is None:
        in_a_thread(change_postgres(url, work))
        return
    engine = sqlite_engine(path)
    with engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")
        work(connection)
    engine.dispose()


def in_a_thread(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a loop of its own."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def _dump(connection: Connection) -> Dump:
    return {
        name: sorted(
            (tuple(row) for row in connection.execute(text(f"SELECT {COLUMNS.get(name, '*')} FROM {name}"))),  # noqa: S608  # our own tables
            key=repr,
        )
        for name in sorted(inspect(connection).get_table_names())
    }


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tuppence.db"
        engine = sqlite_engine(path)
        with engine.begin() as connection:
            migrate(connection)
        engine.dispose()
        return path.read_bytes()
