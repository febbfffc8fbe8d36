"""Opens SQLite files for reading, on a full disk or in a read-only folder too."""

from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

_NO_ROOM_TO_READ = ("SQLITE_IOERR_SHM", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_FULL")


def connect_to_read(engine: Engine) -> tuple[Connection, bool]:
    """A connection that reads, and whether it must be closed after its first transaction.

    Reading in WAL mode needs a shared-memory file beside the database. Where a full disk or a read-only folder prevents
    it and the WAL is empty, no one can write either, so the database file is read as immutable.
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
        immutable = URL.create(
            "sqlite", database=f"file:{quote(str(path.absolute()))}", query={"immutable": "1", "uri": "true"}
        )
        reader = create_engine(immutable, poolclass=NullPool, connect_args={"check_same_thread": False})
        return reader.connect().execution_options(isolation_level="AUTOCOMMIT"), True
    return connection, False
