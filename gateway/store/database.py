"""One store, two databases: what an address names, opened, migrated, or looked at."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Protocol, TypeVar

from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from gateway.errors import Invalid, NotFound
from gateway.ports import Store
from gateway.store.migration import migrate
from gateway.store.sqlite import SqliteStore, sqlite_engine

if TYPE_CHECKING:
    from gateway.store.doorbell import PostgresDoorbell

T = TypeVar("T")

POSTGRES = "postgresql+asyncpg"


class Database(Store, Protocol):
    """A store with a lifetime."""

    async def compact(self, *, whole: bool) -> None:
        """Leave nothing in the files of what was deleted; `whole` also of what was long ago.

        Raises `Unavailable` (`database_away`).
        """

    async def close(self) -> None:
        """Finish what was submitted, and take nothing more."""


async def open_database(url: str) -> Database:
    """The migrated database at an address. Raises `Invalid` (`config_invalid`), `Unavailable` (`database_away`)."""
    path = sqlite_path(url)
    if path is None:
        opened: Database = await _postgres().PostgresStore.open(url)
        return opened
    await migrate_database(url)
    return SqliteStore.open(path)


def replicas_doorbell(url: str) -> "PostgresDoorbell | None":
    """The bell between the replicas on one database; None on SQLite, which one process owns."""
    if sqlite_path(url) is not None:
        return None
    _postgres()
    from gateway.store.doorbell import PostgresDoorbell  # noqa: PLC0415  # an extra

    return PostgresDoorbell(url)


async def migrate_database(url: str) -> bool:
    """Bring it to the newest schema, making it where there is none on SQLite; gives whether anything had to be done.

    Raises `Invalid` (`config_invalid`), `Unavailable` (`database_away`).
    """
    path = sqlite_path(url)
    if path is None:
        return bool(await _postgres().migrate_alone(url))
    engine = sqlite_engine(path)
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # The driver begins a transaction for rows only, never for tables: this one holds all steps, or none.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            moved = migrate(connection)
            connection.exec_driver_sql("COMMIT")
    finally:
        engine.dispose()
    path.chmod(0o600)
    return moved


async def look_into(url: str, look: Callable[[Connection], T]) -> T:
    """One consistent, read-only transaction, safe beside a running server.

    Raises `Invalid` (`config_invalid`), `NotFound` (`database_missing`), `Unavailable` (`database_away`).
    """
    path = sqlite_path(url)
    if path is None:
        seen: T = await _postgres().look_into(url, look)
        return seen
    if not path.exists():
        raise NotFound("database_missing", f"There is no database at {path}; set TUPPENCE_DATA_DIR.")
    engine = sqlite_engine(path)
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("PRAGMA query_only=ON")
            connection.exec_driver_sql("BEGIN")
            return look(connection)
    finally:
        engine.dispose()


async def change_postgres(url: str, change: Callable[[Connection], T]) -> T:
    """One transaction of any length. Raises `Invalid` (`postgres_extra_missing`), `Unavailable` (`database_away`)."""
    changed: T = await _postgres().change(url, change)
    return changed


def sqlite_path(url: str) -> Path | None:
    """The file of an SQLite address; None for one of PostgreSQL. Raises `Invalid` (`config_invalid`)."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = make_url("unknown://")
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        return Path(parsed.database)
    if parsed.drivername != POSTGRES:
        raise Invalid(
            "config_invalid",
            f"TUPPENCE_DATABASE_URL must be sqlite:///path/of/a.db or {POSTGRES}://user:password@host/database",
        )
    return None


def _postgres() -> ModuleType:
    try:
        from gateway.store import postgres  # noqa: PLC0415  # an extra
    except ImportError as error:
        detail = f"{error}. Install it with: pip install '.[postgres]' in the checkout"
        raise Invalid("postgres_extra_missing", detail) from error
    return postgres
