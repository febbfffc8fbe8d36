"""From SQLite to PostgreSQL: every row in one transaction, counted and audited on both sides before it is committed."""

from pathlib import Path

from sqlalchemy import Connection, func, insert, select

from gateway.errors import Conflict, Invalid
from gateway.store.audit import Finding, audit
from gateway.store.database import change_postgres, look_into, migrate_database, sqlite_path
from gateway.store.migration import revision_of
from gateway.store.sqlite import blamed_engine
from gateway.store.tables import leases, metadata

ROWS_AT_ONCE = 1_000
# Who follows a node now is nothing to keep.
TABLES = [table for table in metadata.sorted_tables if table is not leases]


async def move_database(source: str, target: str) -> dict[str, int]:
    """Copy everything; gives the rows of each table. The source stays as it is.

    Raises `Invalid` (`move_refused`), `NotFound` (`database_missing`), `Conflict` (`database_not_empty`,
    `books_broken`, `database_changed`), `Unavailable` (`database_away`); then the target has tables and no row.
    """
    path = sqlite_path(source)
    if path is None or sqlite_path(target) is not None:
        raise Invalid("move_refused", "A move is from SQLite (TUPPENCE_DATABASE_URL) to postgresql+asyncpg://…")
    # Both have one schema then; a source that is missing is not made.
    await look_into(source, revision_of)
    await migrate_database(source)
    counts = await look_into(source, _audited)
    await migrate_database(target)
    await change_postgres(target, lambda connection: _fill(connection, path, counts))
    return counts


def _fill(target: Connection, path: Path, counts: dict[str, int]) -> None:
    _must_be_empty(target)
    engine = blamed_engine(path)
    try:
        with engine.connect() as source:
            copy_rows(source, target)
    finally:
        engine.dispose()
    copied = _audited(target)
    if copied != counts:
        raise Conflict("database_changed", f"The rows are {copied}, and were {counts}; stop what writes to the source.")


async def must_be_empty(url: str) -> None:
    """Raises `Conflict` (`database_not_empty`, `schema_newer`), `Unavailable` (`database_away`)."""
    await migrate_database(url)
    await look_into(url, _must_be_empty)


def _must_be_empty(target: Connection) -> None:
    if any(_counts(target).values()):
        raise Conflict("database_not_empty", "The target holds rows already; give an empty database.")


def copy_rows(source: Connection, target: Connection) -> None:
    """Every row of every table, in an order in which each finds what it belongs to."""
    for table in TABLES:
        # As a stream: a large table does not fit into memory.
        found = source.execution_options(yield_per=ROWS_AT_ONCE).execute(select(table))
        for rows in found.mappings().partitions():
            target.execute(insert(table), [dict(row) for row in rows])


def _audited(connection: Connection) -> dict[str, int]:
    """The rows of each table, of books that are in order."""
    broken: list[Finding] = [finding for finding in audit(connection) if finding.broken]
    if broken:
        raise Conflict("books_broken", f"{broken[0].sentence} Not so: {broken[0].example}. See `tuppence audit`.")
    return _counts(connection)


def _counts(connection: Connection) -> dict[str, int]:
    return {
        table.name: int(connection.execute(select(func.count()).select_from(table)).scalar_one()) for table in TABLES
    }
