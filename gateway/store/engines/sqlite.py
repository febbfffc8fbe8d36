"""Transactions on SQLite: a writer with group commit and a reader, each a thread with a connection of its own.

Writes submitted while a commit runs share the next commit, and one that fails is undone alone; a caller waits for that
commit. The writer is also the only checkpointer: SQLite before 3.51.3 can corrupt a WAL that two connections reset.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

import structlog
from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from gateway.errors import Unavailable
from gateway.ports.store import Tx
from gateway.store.engines.jobs import Job, deliver
from gateway.store.engines.sqlite_errors import sqlite_unavailable
from gateway.store.engines.sqlite_reader import connect_to_read
from gateway.store.tables.transaction import SqlTx

T = TypeVar("T")

MOST_PER_COMMIT = 256
# Settlements wait while the WAL is being emptied. If it takes longer than this, the next purge tries again.
_PATIENCE_MS = 200
_WRITER_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    # 16 MiB: payments write pages all over a large database, and most of them again soon after.
    "wal_autocheckpoint=4000",
    # Deleted content is overwritten with zeros.
    "secure_delete=ON",
)
_READER_PRAGMAS = ("query_only=ON", "wal_autocheckpoint=0")

log = structlog.get_logger()


class SqliteStore:
    """Satisfies `ports.Store`. Open it with `open`, end it with `close`."""

    def __init__(self, engine: Engine, *, busy_timeout_ms: int = 5_000) -> None:
        self._engine, busy = engine, f"busy_timeout={busy_timeout_ms}"
        self._writer = _Worker("store-writer", engine, (*_WRITER_PRAGMAS, busy), "BEGIN IMMEDIATE")
        self._reader = _Worker("store-reader", engine, (*_READER_PRAGMAS, busy), "BEGIN", reads_only=True)

    @classmethod
    def open(cls, path: Path) -> "SqliteStore":
        """Open a migrated database file."""
        return cls(sqlite_engine(path))

    async def write(self, work: Callable[[Tx], T]) -> T:
        return await self._writer.submit(work)

    async def read(self, work: Callable[[Tx], T]) -> T:
        return await self._reader.submit(work)

    async def compact(self, *, whole: bool) -> None:
        """Empty the WAL, which still holds deleted data; with `whole`, rewrite the file first. Writes wait meanwhile.

        Raises `Unavailable` (`database_busy`) when `whole` was asked for and another program's read keeps the WAL.
        """
        emptied = await self._writer.submit_bare(_rewrite if whole else _empty_wal)
        if whole and not emptied:
            raise Unavailable("database_busy", "Another program is reading the database, a backup perhaps. Try again.")

    async def close(self) -> None:
        """Finish the work that was submitted, then close both connections."""
        await asyncio.gather(self._reader.close(), self._writer.close())
        self._engine.dispose()


def sqlite_engine(path: Path) -> Engine:
    """An engine whose connections are each used by one thread at a time."""
    url = URL.create("sqlite", database=str(path))
    return create_engine(url, poolclass=NullPool, connect_args={"check_same_thread": False})


def translating_engine(path: Path) -> Engine:
    """An engine that raises its own errors as `Unavailable` (`database_away`), for work beside another database."""
    engine = sqlite_engine(path)

    def translate(context: ExceptionContext) -> None:
        raise sqlite_unavailable(path, context.original_exception) from context.original_exception

    event.listen(engine, "handle_error", translate)
    return engine


class _Worker:
    """A thread with one connection that runs jobs in groups, each group in one transaction."""

    def __init__(
        self, name: str, engine: Engine, pragmas: tuple[str, ...], begin: str, *, reads_only: bool = False
    ) -> None:
        self._engine, self._pragmas, self._begin, self._reads_only = engine, pragmas, begin, reads_only
        self._once = False
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._closed = False
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def submit(self, work: Callable[[Tx], T]) -> T:
        result: T = await self._put(Job(work, asyncio.get_running_loop().create_future()))
        return result

    async def submit_bare(self, bare: Callable[[Connection], bool]) -> bool:
        """Run `bare` outside of every transaction."""
        return bool(await self._put(Job(lambda _: None, asyncio.get_running_loop().create_future(), bare=bare)))

    async def close(self) -> None:
        self._closed = True
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    async def _put(self, job: Job) -> Any:
        if self._closed or not self._thread.is_alive():
            raise Unavailable("database_away", "The gateway is stopping; nothing was written.", retry_after_seconds=2)
        self._jobs.put(job)
        return await job.future

    def _run(self) -> None:
        ending = False
        try:
            while not ending:
                jobs, ending = self._take()
                try:
                    self._work(jobs)
                # The outermost frame of a thread: the callers get the error, and the thread continues.
                except BaseException as error:
                    self._drop_connection()
                    refusal = _refused(error)
                    for job in jobs:
                        job.error = refusal
                deliver(jobs)
        finally:
            self._drop_connection()

    def _work(self, jobs: list[Job]) -> None:
        if not jobs:
            return
        if self._connection is None:
            self._connection = self._connect()
        run_group(self._connection, [job for job in jobs if job.bare is None], self._begin)
        _run_bare(self._connection, jobs)
        if self._once:
            self._drop_connection()

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(SQLAlchemyError):
                connection.close()

    def _take(self) -> tuple[list[Job], bool]:
        jobs: list[Job] = []
        job = self._jobs.get()
        while job is not None:
            jobs.append(job)
            if self._jobs.empty() or len(jobs) == MOST_PER_COMMIT:
                return jobs, False
            job = self._jobs.get()
        return jobs, True

    def _connect(self) -> Connection:
        if self._reads_only:
            connection, self._once = connect_to_read(self._engine)
        else:
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        for pragma in self._pragmas:
            connection.exec_driver_sql(f"PRAGMA {pragma}")
        return connection


def run_group(connection: Connection, jobs: list[Job], begin: str) -> None:
    """Run jobs in one transaction; a job that fails is undone alone. Raises DBAPIError when the commit fails."""
    connection.exec_driver_sql(begin)
    try:
        if not _all_succeed(connection, jobs):
            # Failures are rare and savepoints are not free, so only a group with a failure runs again with them.
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql(begin)
            _run_apart(connection, jobs)
        connection.exec_driver_sql("COMMIT")
    finally:
        driver = connection.connection.dbapi_connection
        if driver is not None and driver.in_transaction:
            connection.exec_driver_sql("ROLLBACK")


def _all_succeed(connection: Connection, jobs: list[Job]) -> bool:
    tx = SqlTx(connection)
    for job in jobs:
        try:
            job.result = job.work(tx)
        # Whatever the work raises, it raises again with a savepoint around it.
        except BaseException as error:
            if _is_database_failure(error):
                raise
            return False
    return True


def _run_apart(connection: Connection, jobs: list[Job]) -> None:
    """Run each job in its own savepoint; an error of its work goes to its caller."""
    tx = SqlTx(connection)
    for job in jobs:
        connection.exec_driver_sql("SAVEPOINT job")
        try:
            job.result = job.work(tx)
        # An error of the work goes to its caller, and undoes this job alone.
        except BaseException as error:
            if _is_database_failure(error):
                raise
            job.error = error
            connection.exec_driver_sql("ROLLBACK TO job")
        connection.exec_driver_sql("RELEASE job")


def _is_database_failure(error: BaseException) -> bool:
    """Whether the disk, a lock or a damaged file failed, rather than work that violated a constraint."""
    return isinstance(error, DBAPIError) and not isinstance(error, IntegrityError | ProgrammingError | DataError)


def _run_bare(connection: Connection, jobs: list[Job]) -> None:
    """Run the jobs that need no transaction, after the group's commit; their failure does not undo it."""
    for job in jobs:
        if job.bare is not None:
            try:
                job.result = job.bare(connection)
            except DBAPIError as error:
                job.error = _refused(error)


def _rewrite(connection: Connection) -> bool:
    connection.exec_driver_sql("VACUUM")
    return _checkpoint(connection)


def _empty_wal(connection: Connection) -> bool:
    busy_timeout_ms = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
    connection.exec_driver_sql(f"PRAGMA busy_timeout={_PATIENCE_MS}")
    emptied = _checkpoint(connection)
    connection.exec_driver_sql(f"PRAGMA busy_timeout={busy_timeout_ms}")
    return emptied


def _checkpoint(connection: Connection) -> bool:
    """Empty the WAL into the file and truncate it; False if a reader keeps it for longer than the busy timeout."""
    return not connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]


def _refused(error: BaseException) -> BaseException:
    """The error for the callers of a failed group: database errors as `Unavailable`, defects unchanged."""
    if not isinstance(error, SQLAlchemyError | sqlite3.Error | OSError):
        return error
    # The log may be on the same full disk.
    with suppress(OSError, ValueError):
        log.error("database_refused", error=str(getattr(error, "orig", error)))
    refusal = Unavailable(
        "database_away", "The database refused; nothing was written. Try again in a moment.", retry_after_seconds=2
    )
    refusal.__cause__ = error
    return refusal
