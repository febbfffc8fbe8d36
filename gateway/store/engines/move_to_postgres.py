"""Moves a database from SQLite to PostgreSQL in one transaction, compared and audited before the commit."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Connection, Table, func, insert, select

from gateway.errors import Conflict, Invalid
from gateway.store.engines.database import change_postgres, migrate_database, read_database
from gateway.store.engines.database_url import sqlite_path
from gateway.store.engines.invariants import audit
from gateway.store.engines.migration import revision_of
from gateway.store.engines.sqlite import translating_engine
from gateway.store.tables.payouts.pauses import PayoutPauseRows
from gateway.store.tables.schema import leases, metadata

ROWS_AT_ONCE = 1_000
Pause = tuple[str, int]
# A lease has no meaning in another database.
TABLES = [table for table in metadata.sorted_tables if table is not leases]


async def move_database(source: str, target: str, *, now: int) -> dict[str, int]:
    """Copy every row; returns the number of rows of each table. Payouts are paused in the source, and in it alone.

    Raises `Invalid` (`move_refused`), `NotFound` (`database_missing`), `Conflict` (`database_not_empty`,
    `books_broken`, `database_changed`), `Unavailable` (`database_away`); the target then has tables and no rows.
    """
    path = sqlite_path(source)
    if path is None or sqlite_path(target) is not None:
        raise Invalid("move_refused", "A move is from SQLite (TUPPENCE_DATABASE_URL) to postgresql+asyncpg://…")
    # Both get the same schema. A missing source is not created.
    await read_database(source, revision_of)
    await migrate_database(source)
    await require_empty(target)
    # Before the copy can pay: whatever ends this process, at most one of the two does.
    before = pause_restored(path, since=now)
    try:
        contents = await read_database(source, _audited)
        await change_postgres(target, lambda connection: _fill(connection, path, contents, before))
    except Conflict:
        # Nothing was committed there.
        with _writing(path) as connection:
            _set_pause(connection, before)
        raise
    return {name: count for name, (count, _) in contents.items()}


def pause_restored(database: Path, *, since: int) -> Pause | None:
    """Pause payouts in a database that nobody serves, as one that payments since an instant may be lacking in.

    Returns the pause before.
    """
    with _writing(database) as connection:
        pauses = PayoutPauseRows(connection)
        before = pauses.current()
        pauses.pause_restored(since=since)
    return before


async def require_empty(url: str) -> None:
    """Raise `Conflict` (`database_not_empty`, `schema_newer`) unless it is empty; also `Unavailable`."""
    await migrate_database(url)
    await read_database(url, _require_empty)


def copy_rows(source: Connection, target: Connection) -> None:
    """Copy every row of every table, referenced tables first."""
    for table in TABLES:
        # Streamed, because a large table exceeds memory.
        found = source.execution_options(yield_per=ROWS_AT_ONCE).execute(select(table))
        for rows in found.mappings().partitions():
            target.execute(insert(table), [dict(row) for row in rows])


def _fill(target: Connection, path: Path, contents: dict[str, tuple[int, int]], pause: Pause | None) -> None:
    _require_empty(target)
    engine = translating_engine(path)
    try:
        with engine.connect() as source:
            copy_rows(source, target)
    finally:
        engine.dispose()
    copied = _audited(target)
    differing = [name for name in contents if copied[name] != contents[name]]
    if differing:
        raise Conflict(
            "database_changed",
            f"The rows of {', '.join(differing)} differ from the source; stop the program that writes to it.",
        )
    _set_pause(target, pause)


def _require_empty(target: Connection) -> None:
    if any(_counts(target).values()):
        raise Conflict("database_not_empty", "The target holds rows already; give an empty database.")


def _set_pause(connection: Connection, pause: Pause | None) -> None:
    pauses = PayoutPauseRows(connection)
    pauses.resume()
    if pause is not None:
        reason, since = pause
        pauses.pause(reason, now=since)


@contextmanager
def _writing(database: Path) -> Iterator[Connection]:
    """A transaction on an SQLite database that nobody serves."""
    engine = translating_engine(database)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def _audited(connection: Connection) -> dict[str, tuple[int, int]]:
    """Row count and checksum of each table. Raises `Conflict` (`books_broken`) if an invariant is broken."""
    broken = [result for result in audit(connection) if result.broken]
    if broken:
        raise Conflict(
            "books_broken", f"{broken[0].sentence} This is violated by {broken[0].example}. See `tuppence audit`."
        )
    return {table.name: _contents(connection, table) for table in TABLES}


def _contents(connection: Connection, table: Table) -> tuple[int, int]:
    """Row count, and the sum of the rows' digests, which does not depend on the order of rows or the collation."""
    count, total = 0, 0
    for row in connection.execution_options(yield_per=ROWS_AT_ONCE).execute(select(table)):
        count += 1
        total += int.from_bytes(sha256(repr(tuple(row)).encode()).digest())
    return count, total


def _counts(connection: Connection) -> dict[str, int]:
    return {
        table.name: int(connection.execute(select(func.count()).select_from(table)).scalar_one()) for table in TABLES
    }
