"""The store on SQLite with its calls executed on the loop: group commits as in `gateway.store`, without threads."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from gateway.errors import Unavailable
from gateway.ports.store import Tx
from gateway.store.engines.jobs import Job, resolve
from gateway.store.engines.sqlite import run_group, sqlite_engine
from gateway.store.tables.transaction import SqlTx
from tests.support.databases import put_database

T = TypeVar("T")
_PRAGMAS = ("journal_mode=WAL", "synchronous=OFF", "foreign_keys=ON", "busy_timeout=0")


class Database:
    """A file that outlives every gateway. `full`: it cannot grow; `lock`: another process holds it."""

    def __init__(self, path: Path) -> None:
        put_database(path)
        self.path = path
        self._engine = sqlite_engine(path)
        self._connection: Connection | None = None
        self._locker: Connection | None = None
        self._full = False

    def execute(self, jobs: list[Job]) -> None:
        """Run jobs in one transaction. Raises DBAPIError when it was not committed."""
        try:
            run_group(self.connection, jobs, "BEGIN IMMEDIATE")
        except DBAPIError:
            self._disconnect()
            raise

    @property
    def connection(self) -> Connection:
        """The one that is open, or a new one."""
        if self._connection is None:
            self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            for pragma in _PRAGMAS:
                self._connection.exec_driver_sql(f"PRAGMA {pragma}")
            self.fill(full=self._full)
        return self._connection

    def fill(self, *, full: bool) -> None:
        """Let the disk be full, or have room again."""
        self._full = full
        pages = 1 if full else 2**31 - 2
        # SQLite takes the present size for the least.
        self.connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    def lock(self, *, locked: bool) -> None:
        """Let another process begin to write, or end."""
        if self._locker is None:
            self._locker = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._locker.exec_driver_sql("BEGIN IMMEDIATE" if locked else "ROLLBACK")

    def close(self) -> None:
        """Let go of the file."""
        self._disconnect()
        if self._locker is not None:
            self._locker.close()
        self._engine.dispose()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class InlineStore:
    """Satisfies `ports.Store` for one life of a gateway; what waits for a commit when that ends is lost."""

    def __init__(self, database: Database, rng: Random, is_alive: Callable[[], bool]) -> None:
        self._database, self._rng, self._is_alive = database, rng, is_alive
        self._waiting: list[Job] = []
        self._committing = False

    async def write(self, work: Callable[[Tx], T]) -> T:
        """As the Protocol has it."""
        if not self._is_alive():
            raise asyncio.CancelledError
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(Job(work, future))
        if not self._committing:
            self._committing = True
            self._later(self._commit)
        return await future

    async def read(self, work: Callable[[Tx], T]) -> T:
        """As the Protocol has it."""
        await asyncio.sleep(self._rng.uniform(0.0001, 0.002))
        if not self._is_alive():
            raise asyncio.CancelledError
        # Nothing else runs meanwhile: every read is consistent.
        return work(SqlTx(self._database.connection))

    def _commit(self) -> None:
        """Run all waiting work in one transaction; the answers come later, and a crash may come first."""
        if self._is_alive():
            jobs, self._waiting = self._waiting, []
            self._execute(jobs)
            self._later(self._answer, jobs)

    def _answer(self, jobs: list[Job]) -> None:
        if not self._is_alive():
            return
        resolve(jobs)
        self._committing = bool(self._waiting)
        if self._committing:
            self._later(self._commit)

    def _execute(self, jobs: list[Job]) -> None:
        try:
            self._database.execute(jobs)
        except DBAPIError:
            for job in jobs:
                job.error = Unavailable("database_away", "The database refused.", retry_after_seconds=2)

    def _later(self, call: Callable[..., None], *arguments: object) -> None:
        asyncio.get_running_loop().call_later(self._rng.uniform(0.0005, 0.01), call, *arguments)
