"""Transactions on PostgreSQL: one for each piece of work, on a small pool of connections.

Writes are READ COMMITTED and decide by guarded updates; reads see one snapshot (REPEATABLE READ). A transaction that
fails by a deadlock, or by a connection lost before the commit, is rolled back and tried again.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from gateway.errors import OutcomeUnknown, Unavailable
from gateway.ports.store import Tx
from gateway.store.engines.migration import migrate
from gateway.store.engines.postgres_connection import (
    APPLICATION,
    CONNECT_SECONDS,
    CONNECTION_ERRORS,
    RETRY_AFTER_SECONDS,
    message_of,
    one_connection,
    sqlstate_of,
)
from gateway.store.tables.schema import invoices, payout_tries, payouts, tip_notes
from gateway.store.tables.transaction import SqlTx
from gateway.supervise import begin

T = TypeVar("T")

POOL_SIZE = 6
MOST_TRIES = 5
# As long as the longest statement; a caller that waits longer gets an error with Retry-After.
POOL_WAIT_SECONDS = 10.0
SERVER_LIMITS = {
    "statement_timeout": "10s",
    # Longer than deadlock_timeout (1 s), shorter than the takeover of a lease.
    "lock_timeout": "1500ms",
    # The server drops connections of a dead machine, and their locks, after 19 s.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "3",
    "tcp_keepalives_count": "3",
    # A process that died with its machine, or hangs, must not keep the counters' rows locked: no replica could settle
    # meanwhile, and another one has to take over within 10 s.
    "idle_in_transaction_session_timeout": "4s",
    "jit": "off",
}
_MIGRATION_LOCK = 0x7475_7070
_LOCKED = "55P03"
_TRY_AGAIN = {"40001", "40P01", _LOCKED}
"""Serialization failure, deadlock, lock timeout: PostgreSQL guarantees that nothing was written."""
# No server-side timeout applies while PostgreSQL waits for the rest of a client message, so a client that dies there
# would keep its row locks for hours.
_END_STALLED = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name = :name AND wait_event = 'ClientRead' AND state <> 'idle'"
    " AND state_change < clock_timestamp() - make_interval(secs => :seconds)"
)
_NOT_COMMITTED = ("40", "23", "25")
_OF_DATA = ("22", "23", "42")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresTiming:
    """How long a server is waited for, and a client of ours that keeps rows locked."""

    connect_seconds: float = CONNECT_SECONDS
    command_seconds: float = 15.0
    """Longer than the server's limits: it is for a server that no longer answers at all."""
    close_seconds: float = 5.0
    stalled_seconds: float = 4.0


POSTGRES_TIMING = PostgresTiming()


class PostgresStore:
    """Satisfies `ports.Store`. Open it with `open`, end it with `close`."""

    def __init__(self, writer: AsyncEngine, reader: AsyncEngine, timing: PostgresTiming) -> None:
        self._writer, self._reader, self._timing = writer, reader, timing
        self._running: set[asyncio.Task[Any]] = set()
        self._closed = False

    @classmethod
    async def open(cls, url: str, *, timing: PostgresTiming = POSTGRES_TIMING) -> "PostgresStore":
        """Migrate and open; several processes may do so at once. Raises `Unavailable` (`database_away`)."""
        async with one_connection(url) as connection:
            await _migrate(connection)
            settings = await _durable(connection)
        reading = {"isolation_level": "REPEATABLE READ", "execution_options": {"postgresql_readonly": True}}
        writer = _pooled(url, settings, timing, isolation_level="READ COMMITTED")
        return cls(writer, _pooled(url, settings, timing, **reading), timing)

    async def write(self, work: Callable[[Tx], T]) -> T:
        return await self._submit(self._writer, work, writes=True)

    async def read(self, work: Callable[[Tx], T]) -> T:
        return await self._submit(self._reader, work, writes=False)

    async def compact(self, *, whole: bool) -> None:
        """Rewrite the tables if `whole`, while transactions on them wait; otherwise autovacuum suffices."""
        if not whole:
            return
        async with one_connection(self._writer.url.render_as_string(hide_password=False)) as connection:
            bare = await connection.execution_options(isolation_level="AUTOCOMMIT")
            for table in (tip_notes, invoices, payout_tries, payouts):
                await bare.execute(text(f"VACUUM FULL {table.name}"))

    async def close(self) -> None:
        """Finish the work that was submitted, then close every connection."""
        self._closed = True
        await asyncio.gather(*self._running, return_exceptions=True)
        # A server that does not answer does not close its connections either.
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timing.close_seconds):
                await asyncio.gather(self._writer.dispose(), self._reader.dispose())

    async def _submit(self, engine: AsyncEngine, work: Callable[[Tx], T], *, writes: bool) -> T:
        if self._closed:
            raise Unavailable("database_away", "The gateway is stopping; nothing was written.", retry_after_seconds=2)
        # In a task of its own: cancelling a caller would otherwise cost the connection that works for it.
        task = begin(self._persist(engine, work, writes=writes))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _persist(self, engine: AsyncEngine, work: Callable[[Tx], T], *, writes: bool) -> T:
        for tried in range(1, MOST_TRIES + 1):
            try:
                return await _transact(engine, work, writes=writes)
            except DBAPIError as error:
                if isinstance(error, IntegrityError | ProgrammingError | DataError):
                    raise
                if tried == MOST_TRIES or not (error.connection_invalidated or sqlstate_of(error) in _TRY_AGAIN):
                    raise _unavailable(error) from error
                if sqlstate_of(error) == _LOCKED:
                    await self._end_stalled(engine)
                log.info("transaction_tried_again", sqlstate=sqlstate_of(error), tried=tried)
            except CONNECTION_ERRORS as error:
                raise _unavailable(error) from error
        raise AssertionError("the last try returns or raises")

    async def _end_stalled(self, engine: AsyncEngine) -> None:
        """Terminate our transactions that have waited too long for their client while locking rows."""
        try:
            async with engine.connect() as connection:
                ended = await connection.execute(
                    _END_STALLED, {"name": APPLICATION, "seconds": self._timing.stalled_seconds}
                )
                log.warning("rows_locked", ended=len(ended.all()))
        except (DBAPIError, *CONNECTION_ERRORS) as error:
            raise _unavailable(error) from error


async def migrate_alone(url: str) -> bool:
    """Migrate under an advisory lock: others wait, and find it done. Raises `Unavailable` (`database_away`)."""
    async with one_connection(url) as connection:
        return await _migrate(connection)


async def read_database(url: str, read: Callable[[Connection], T]) -> T:
    """Run `read` in one consistent, read-only transaction of any length. Raises `Unavailable` (`database_away`)."""
    async with one_connection(url) as connection:
        await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        return await connection.run_sync(read)


async def change(url: str, work: Callable[[Connection], T]) -> T:
    """Run `work` in one transaction of any length, tried once. Raises `Unavailable` (`database_away`)."""
    async with one_connection(url) as connection:
        result = await connection.run_sync(work)
        await connection.commit()
        return result


async def _transact(engine: AsyncEngine, work: Callable[[Tx], T], *, writes: bool) -> T:
    async with engine.connect() as connection:
        try:
            result = await connection.run_sync(lambda plain: work(SqlTx(plain)))
        except TimeoutError:
            # The answer may still come, and the next user of the connection must not read it.
            await connection.invalidate()
            raise
        # After a read it does not matter how the transaction ends.
        if writes:
            await _commit(connection)
        return result


async def _commit(connection: AsyncConnection) -> None:
    """Commit. Raises `OutcomeUnknown` (`commit_unanswered`) when the server may have committed without an answer."""
    try:
        await connection.commit()
    except (DBAPIError, *CONNECTION_ERRORS) as error:
        if isinstance(error, DBAPIError) and sqlstate_of(error).startswith(_NOT_COMMITTED):
            raise
        await connection.invalidate()
        log.warning("commit_unanswered", error=type(error).__name__, sqlstate=sqlstate_of(error))
        raise OutcomeUnknown(
            "commit_unanswered",
            "The connection to the database was lost during a commit. Check whether it was written, then try again.",
            retry_after_seconds=RETRY_AFTER_SECONDS,
        ) from error


def _unavailable(error: BaseException) -> Unavailable:
    # The DETAIL of an error contains values of rows and parameters; an error about data contains them in its message.
    said = "" if sqlstate_of(error).startswith(_OF_DATA) else message_of(error).partition("\n")[0]
    log.error("database_refused", error=said or type(error).__name__, sqlstate=sqlstate_of(error))
    return Unavailable(
        "database_away",
        "The database refused or cannot be reached; nothing was written. Try again in a moment.",
        retry_after_seconds=RETRY_AFTER_SECONDS,
    )


def _pooled(url: str, server_settings: dict[str, str], timing: PostgresTiming, **options: Any) -> AsyncEngine:
    connect = {
        "timeout": timing.connect_seconds,
        "command_timeout": timing.command_seconds,
        "server_settings": {"application_name": APPLICATION, **SERVER_LIMITS, **server_settings},
    }
    return create_async_engine(
        url, pool_size=POOL_SIZE, max_overflow=0, pool_timeout=POOL_WAIT_SECONDS, connect_args=connect, **options
    )


async def _migrate(connection: AsyncConnection) -> bool:
    await connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
    moved = await connection.run_sync(migrate)
    await connection.commit()
    return moved


async def _durable(connection: AsyncConnection) -> dict[str, str]:
    """The setting that makes commits durable where database or role turn it off; stricter settings stay."""
    told = (await connection.execute(text("SHOW synchronous_commit"))).scalar_one()
    return {"synchronous_commit": "on"} if told == "off" else {}
