"""Detects a connection pooler in transaction mode, behind which LISTEN and session settings have no effect."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import Invalid
from gateway.store.engines.postgres_connection import POOLER, one_connection


async def refuse_pooler(url: str) -> None:
    """Raise `Invalid` (`database_pooled`) where two connections share a server process; also `Unavailable`."""
    async with one_connection(url) as one, one_connection(url) as other:
        first = await _backend(one)
        await one.commit()
        # `other` keeps its server process until its transaction ends, so a pooler gives `one` another process.
        if await _backend(other) == first or await _backend(one) != first:
            raise Invalid("database_pooled", POOLER)


async def _backend(connection: AsyncConnection) -> int:
    """The process id of the server behind a connection."""
    return int((await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one())
