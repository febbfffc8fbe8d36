"""A connection that reads an SQLite file, on a full disk and in a read-only folder, too."""

from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

_NO_ROOM_TO_READ = ("SQLITE_IOERR_SHM", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_FULL")


def connect_to_read(engine: Engine) -> tuple[Connection, bool]:
    """A connection that reads, and whether it must be closed after its first transaction.

    Who reads beside a WAL needs a file there. Where a full disk or a read-only folder has no room for it, and no WAL is
    left, nobody can write either: the database file is read as it is.
    """
    connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        connection.exec_driver_sql("SELECT COUNT(*) FROM sqlite_master")
    except DBAPIError as error:
        connection.close()
        path = Path(engine.url.database or "")
        name, wal = getattr(error.orig, "sqlite_errorname", ""), path.with_name(f"{path.name}-wal")
        if not name.startswith(_NO_ROOM_TO_READ) or not path.is_file() or (wal.exists() and wal.stat().st_size):
            raise
        as_it_is = URL.create(
            "sqlite", database=f"file:{quote(str(path.absolute()))}", query={"immutable": "1", "uri": "true"}
        )
        frozen = create_engine(as_it_is, poolclass=NullPool, connect_args={"check_same_thread": False})
        return frozen.connect().execution_options(isolation_level="AUTOCOMMIT"), True
    return connection, False
