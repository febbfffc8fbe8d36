"""The databases that a part runs on, empty and durable."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from random import Random
from typing import Literal

from tests.support.databases import in_a_thread
from tests.support.postgres_server import open_cluster
from tools.bench.nodes import open_simulator
from tools.torture.rig import Rig

DatabaseKind = Literal["sqlite", "postgres"]


@contextmanager
def open_database(kind: DatabaseKind) -> Iterator[str]:
    """The address of an empty one that keeps what it commits; none for SQLite, which the gateway makes itself."""
    if kind == "sqlite":
        yield ""
        return
    with open_cluster({}) as server:
        in_a_thread(server.execute("CREATE DATABASE tuppence"))
        yield server.url("tuppence")


@asynccontextmanager
async def open_rig(folder: Path, database: DatabaseKind, rng: Random) -> AsyncIterator[Rig]:
    """A rig at a simulated node, whose gateway keeps its books there."""
    with open_database(database) as url:
        async with open_simulator(folder / "lnd") as node:
            yield Rig(folder, node, rng, variables={"TUPPENCE_DATABASE_URL": url} if url else {}, books_url=url)
