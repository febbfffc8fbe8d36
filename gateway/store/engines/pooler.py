"""A pooler that shares the sessions of a server: neither LISTEN nor the settings of a session hold there."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import Invalid
from gateway.store.engines.postgres import POOLER, one_connection


async def refuse_pooler(url: str) -> None:
    """Raises `Invalid` (`database_pooled`), `Unavailable` (`database_away`)."""
    async with one_connection(url) as one, one_connection(url) as other:
        first = await _backend(one)
        await one.commit()
        # It holds what it was given until its transaction ends: the first is given another.
        if await _backend(other) == first or await _backend(one) != first:
            raise Invalid("database_pooled", POOLER)


async def _backend(connection: AsyncConnection) -> int:
    """The server's process behind a connection."""
    return int((await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one())
