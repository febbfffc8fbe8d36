"""Several gateways on one PostgreSQL database, each a process of its own that can end and begin again."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from sqlalchemy import Connection, text

from tests.support.processes.demo_process import free_port
from tools.bench.processes import Loop
from tools.bench.served import Served, put_on_sale, serve


class Replica:
    """One of them, on a folder and at an address that outlive its processes."""

    def __init__(self, folder: Path, variables: Mapping[str, str], *, loop: Loop) -> None:
        self.folder, self._loop = folder, loop
        self._variables = {**variables, "TUPPENCE_LISTEN": f"127.0.0.1:{free_port()}"}
        self._life = AsyncExitStack()
        self.served: Served
        """Its present process, or its last."""

    async def start(self) -> Served:
        """Begin again; what is left of the process before is cleared away. Raises as `serve` does."""
        await self.end()
        self.served = await self._life.enter_async_context(serve(self.folder, self._variables, loop=self._loop))
        return self.served

    async def end(self) -> None:
        """End its process, or clear away one that was killed."""
        await self._life.aclose()

    @property
    def lease_id(self) -> str:
        """Whom a lease names that it holds."""
        return lease_id(self.folder)


def lease_id(folder: Path) -> str:
    """Whom a lease names that the replica of a folder holds."""
    return (folder / "data" / "replica").read_text(encoding="ascii")


def holders(books: Connection) -> list[str]:
    """The replica that settles, by the leases on PostgreSQL."""
    running = text(
        "SELECT holder FROM leases WHERE name <> 'payouts' "
        "AND expires_at_ms > EXTRACT(EPOCH FROM clock_timestamp()) * 1000"
    )
    return [str(row[0]) for row in books.execute(running)]


@asynccontextmanager
async def open_replicas(
    folder: Path, variables: Mapping[str, str], database_urls: Sequence[str], *, loop: Loop
) -> AsyncIterator[list[Replica]]:
    """A running replica for each address of the one database, all selling the article; the first one settles."""
    shared = {"TUPPENCE_SHARED_DIR": str(folder / "shared")}
    replicas = [
        Replica(folder / f"replica-{number}", {**variables, **shared, "TUPPENCE_DATABASE_URL": url}, loop=loop)
        for number, url in enumerate(database_urls, 1)
    ]
    is_new = not (folder / "shared").exists()
    async with AsyncExitStack() as stack:
        for replica in replicas:
            stack.push_async_callback(replica.end)
        first = await replicas[0].start()
        if is_new:
            await put_on_sale(first)
        await asyncio.gather(*(replica.start() for replica in replicas[1:]))
        yield replicas
