"""One connection to PostgreSQL, outside the pools and without their limits, and the errors of connecting."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from gateway.errors import Invalid, Unavailable
from gateway.store.engines.database_url import shown

APPLICATION = "tuppence"
CONNECT_SECONDS = 5.0
RETRY_AFTER_SECONDS = 2
POOLER = "A pooler in transaction mode is in between, as PgBouncer can be: give PostgreSQL's own address in its place."
_HINTS = {
    "08P01": f"If that was no server of PostgreSQL: {POOLER}",
    "26000": POOLER,
    "42P05": POOLER,
    "28P01": "Check user and password in TUPPENCE_DATABASE_URL.",
    "28000": "Check user and password in TUPPENCE_DATABASE_URL, and the server's pg_hba.conf.",
    "3D000": "Create it first: CREATE DATABASE … OWNER ….",
    "42501": "Give this user the database: ALTER DATABASE … OWNER TO ….",
}
"""The advice about an error, by its SQLSTATE."""

CONNECTION_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError, PoolTimeoutError)
"""Errors of connecting and waiting; TimeoutError is the client's own limit on a command."""


@asynccontextmanager
async def one_connection(url: str) -> AsyncIterator[AsyncConnection]:
    """A connection outside the pools, without their time limits.

    Raises `Unavailable` (`database_away`) with the server's message.
    """
    # Work here may take long, whatever limits the role has.
    settings = {"application_name": f"{APPLICATION}-single", "lock_timeout": "0", "statement_timeout": "0"}
    connect_args = {"timeout": CONNECT_SECONDS, "server_settings": settings}
    try:
        engine = create_async_engine(url, poolclass=NullPool, connect_args=connect_args)
    except ArgumentError as error:
        raise _unsupported(make_url(url)) from error
    try:
        async with _connected(engine) as connection:
            yield connection
    except (*CONNECTION_ERRORS, DBAPIError) as error:
        hint = _HINTS.get(sqlstate_of(error), "")
        raise Unavailable(
            "database_away",
            f"{shown(engine.url)} refused: {message_of(error).rstrip('.')}. {hint}".rstrip(),
            retry_after_seconds=RETRY_AFTER_SECONDS,
        ) from error
    finally:
        await engine.dispose()


@asynccontextmanager
async def _connected(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Connect. Raises `Invalid` (`config_invalid`) for an address with options that the driver does not know."""
    try:
        connection = await engine.connect()
    except (TypeError, ValueError) as error:
        raise _unsupported(engine.url) from error
    try:
        yield connection
    finally:
        await connection.close()


def _unsupported(url: URL) -> Invalid:
    options = ", ".join(url.query) or "its port"
    return Invalid("config_invalid", f"TUPPENCE_DATABASE_URL: asyncpg does not understand it; look at {options}.")


def sqlstate_of(error: BaseException) -> str:
    """The SQLSTATE of an error of the server, or an empty text."""
    return str(getattr(getattr(error, "orig", error), "sqlstate", None) or "")


def message_of(error: BaseException) -> str:
    """What the driver says of an error, or the name of its class."""
    return str(getattr(error, "orig", error)) or type(error).__name__
