"""Opens, migrates or reads the database that an address names, SQLite or PostgreSQL."""

from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Protocol, TypeVar

from sqlalchemy import Connection

from gateway.errors import Invalid, NotFound
from gateway.ports.store import Store
from gateway.store.engines.database_url import postgres_address, sqlite_path
from gateway.store.engines.migration import HEAD, migrate, revision_of
from gateway.store.engines.sqlite import SqliteStore, sqlite_engine
from gateway.store.engines.sqlite_errors import sqlite_errors
from gateway.store.engines.sqlite_reader import connect_to_read
from gateway.store.files.disk_errors import disk_errors

if TYPE_CHECKING:
    from gateway.store.engines.notifications import PostgresNotifications

T = TypeVar("T")


class Database(Store, Protocol):
    """A store that is opened and closed."""

    async def compact(self, *, whole: bool) -> None:
        """Remove deleted data from the files; with `whole`, rewrite the files so that older deletions go too.

        Raises `Unavailable` (`database_away`).
        """

    async def close(self) -> None:
        """Finish the work that was submitted, and accept no more."""


async def open_database(url: str) -> Database:
    """Migrate and open a database. Raises `Invalid` (`config_invalid`), `Unavailable` (`database_away`)."""
    path = sqlite_path(url)
    if path is None:
        opener, address = _postgres().PostgresStore, postgres_address(url)
        from gateway.store.engines.pooler import refuse_pooler  # noqa: PLC0415  # an extra

        await refuse_pooler(address)
        opened: Database = await opener.open(address)
        return opened
    await migrate_database(url)
    return SqliteStore.open(path)


def replica_notifications(url: str) -> "PostgresNotifications | None":
    """The notifications between the replicas on one database; None on SQLite, which one process owns."""
    if sqlite_path(url) is not None:
        return None
    _postgres()
    from gateway.store.engines.notifications import PostgresNotifications  # noqa: PLC0415  # an extra

    return PostgresNotifications(postgres_address(url))


async def migrate_database(url: str) -> bool:
    """Migrate to the newest schema, creating an SQLite file where there is none; True if anything was done.

    Raises `Invalid` (`config_invalid`), `Unavailable` (`database_away`).
    """
    path = sqlite_path(url)
    if path is None:
        return bool(await _postgres().migrate_alone(postgres_address(url)))
    engine = sqlite_engine(path)
    try:
        # A database of the newest schema is only read, so that it opens on a full disk too.
        with sqlite_errors(path), connect_to_read(engine)[0] as connection:
            if revision_of(connection) == HEAD:
                return False
        with sqlite_errors(path), engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # The driver opens no transaction for DDL; this one makes the migration all or nothing.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            moved = migrate(connection)
            connection.exec_driver_sql("COMMIT")
    finally:
        engine.dispose()
    with disk_errors(path):
        path.chmod(0o600)
    return moved


async def read_database(url: str, read: Callable[[Connection], T]) -> T:
    """Run `read` in one consistent, read-only transaction, safe beside a running server.

    Raises `Invalid` (`config_invalid`), `NotFound` (`database_missing`), `Unavailable` (`database_away`).
    """
    path = sqlite_path(url)
    if path is None:
        result: T = await _postgres().read_database(postgres_address(url), read)
        return result
    if not path.exists():
        raise NotFound("database_missing", f"There is no database at {path}; set TUPPENCE_DATA_DIR.")
    engine = sqlite_engine(path)
    try:
        with sqlite_errors(path), connect_to_read(engine)[0] as connection:
            connection.exec_driver_sql("PRAGMA query_only=ON")
            connection.exec_driver_sql("BEGIN")
            return read(connection)
    finally:
        engine.dispose()


async def change_postgres(url: str, change: Callable[[Connection], T]) -> T:
    """Run `change` in one transaction of any length.

    Raises `Invalid` (`postgres_extra_missing`), `Unavailable` (`database_away`).
    """
    result: T = await _postgres().change(postgres_address(url), change)
    return result


def _postgres() -> ModuleType:
    try:
        from gateway.store.engines import postgres  # noqa: PLC0415  # an extra
    except ImportError as error:
        detail = f"{error}. Install it with: pip install '.[postgres]' in the checkout"
        raise Invalid("postgres_extra_missing", detail) from error
    return postgres
