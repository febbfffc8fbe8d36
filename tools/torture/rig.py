"""A gateway as a process of its own at a node, its readers and payers, and a look into its books from outside."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import aiohttp
from sqlalchemy import Connection, text

from gateway.lnd.client import LndNode
from gateway.ports.node import NodeInvoiceState
from gateway.store.engines.database import read_database
from tools.bench.nodes import BenchNode, Payable, settings_of
from tools.bench.served import ITEM, Served, buy, serve
from tools.days.books_check import BooksCheck, check_books
from tools.torture.tally import Failed, Tally

T = TypeVar("T")
PAGE = 500
LOOK_SECONDS = 0.05
# What is slower than promised is told at the end; what takes longer than this ends the part at once.
PATIENCE_SECONDS = 300.0
LAST_ONES_SECONDS = 60.0
BUYERS = 16
OPENED_AT_THE_END = 50


@dataclass(slots=True)
class Rig:
    """The readers' invoices and payments, across all restarts of the gateway."""

    folder: Path
    node: BenchNode
    rng: Random
    variables: Mapping[str, str] = field(default_factory=dict)
    """Variables of the gateway beside its node: another address, or a database."""
    books_url: str = ""
    """The database's URL from here; SQLite in the folder if empty."""
    credited_before: int = 0
    """The number of payments in the books at the start."""
    unpaid: list[dict[str, Any]] = field(default_factory=list)
    paid: list[dict[str, Any]] = field(default_factory=list)
    last_paid_at: float = 0.0
    slowest_start_seconds: float = 0.0

    @asynccontextmanager
    async def gateway(self) -> AsyncIterator[Served]:
        """One life; kill its process whenever you like."""
        variables = {**settings_of(self.node), **self.variables}
        async with AsyncExitStack() as stack:
            try:
                served = await stack.enter_async_context(serve(self.folder, variables, loop="asyncio"))
            except (TimeoutError, RuntimeError) as error:
                raise Failed(f"the gateway did not start: {error}") from error
            self.started(served)
            yield served

    def started(self, served: Served) -> None:
        """Note how long a start took."""
        self.slowest_start_seconds = max(self.slowest_start_seconds, served.ready_at - served.started_at)

    async def stock(self, served: Served, count: int) -> None:
        """Let readers ask for invoices until there are so many unpaid ones."""
        async with aiohttp.ClientSession() as session:
            await asyncio.gather(*(self._buy(session, served, lambda: len(self.unpaid) < count) for _ in range(BUYERS)))

    async def go_on_buying(self, served: Served) -> None:
        """Readers who never stop; a gateway that is killed leaves them without an answer."""
        async with aiohttp.ClientSession() as session:
            await asyncio.gather(*(self._buy(session, served, lambda: True) for _ in range(4)))

    async def pay(self, count: int) -> None:
        """Pay so many invoices, one after the other."""
        for _ in range(min(count, len(self.unpaid))):
            await self.pay_one()

    async def pay_one(self) -> dict[str, Any]:
        """Pay an invoice that some reader holds."""
        invoice = self.unpaid.pop(self.rng.randrange(len(self.unpaid)))
        await self.node.pay(Payable(invoice["payment_hash"], invoice["payment_request"]))
        self.last_paid_at = time.monotonic()
        self.paid.append(invoice)
        return invoice

    async def until_credited(self, since: float | None = None) -> float:
        """Wait until everything paid so far is credited; gives the seconds since then, or from now. Raises `Failed`."""
        began, wanted = time.monotonic(), len(self.paid)
        while (credited := await self.credited()) < wanted:
            if time.monotonic() - began > PATIENCE_SECONDS:
                raise Failed(f"{wanted - credited} of {wanted} payments were not credited in {PATIENCE_SECONDS:.0f} s")
            await asyncio.sleep(LOOK_SECONDS)
        return time.monotonic() - (began if since is None else since)

    async def credited(self) -> int:
        """The number of this rig's payments that are in the books."""
        counted = text("SELECT COUNT(*) FROM events")
        return await self.look(lambda books: int(books.execute(counted).scalar_one())) - self.credited_before

    async def look(self, look: Callable[[Connection], T]) -> T:
        """The result of a query of the books."""
        return await read_database(self.books_url or f"sqlite:///{self.folder / 'data' / 'tuppence.db'}", look)

    async def check_books(self) -> BooksCheck:
        """The books against what the node itself says."""
        settled = await self._settled()
        return await self.look(lambda books: check_books(books, settled, forgotten={}, is_final=True))

    async def tally(self, **fields: Any) -> Tally:
        """The figures at the end. Raises `Failed` when an invariant broke."""
        check = await self.check_books()
        began = time.monotonic()
        while check.lost and time.monotonic() - began < LAST_ONES_SECONDS:
            # A payment whose payer gave up may have settled a moment ago.
            await asyncio.sleep(LOOK_SECONDS)
            check = await self.check_books()
        if check.broken:
            raise Failed("; ".join(check.broken))
        return Tally(
            payments=len(self.paid),
            lost=len(check.lost),
            double=len(check.double),
            drift_msat=check.drift_msat,
            **fields,
        )

    async def open_some(self, served: Served) -> None:
        """Check that every paid item opens. Raises `Failed`."""
        async with aiohttp.ClientSession() as session:
            for invoice in self.rng.sample(self.paid, min(OPENED_AT_THE_END, len(self.paid))):
                headers = {"Authorization": f"Bearer {invoice['access_token']}"}
                async with session.get(f"{served.url}/v1/items/{ITEM}/content", headers=headers) as response:
                    if response.status != 200:
                        raise Failed(f"a paid item answers {response.status}")

    async def _buy(self, session: aiohttp.ClientSession, served: Served, wanted: Callable[[], bool]) -> None:
        with suppress(aiohttp.ClientError, ConnectionError):
            while wanted():
                try:
                    self.unpaid.append(await buy(session, served))
                except RuntimeError:
                    # The node is away: the answer says so.
                    await asyncio.sleep(LOOK_SECONDS)

    async def _settled(self) -> dict[str, int]:
        credentials = self.node.credentials
        node = LndNode(
            node_id="lnd",
            target=credentials.target,
            tls_cert=credentials.tls_cert,
            macaroon=credentials.macaroon,
        )
        settled: dict[str, int] = {}
        after = 0
        try:
            while page := await node.list_invoices(after_add_index=after, limit=PAGE):
                settled |= {row.payment_hash: row.paid_msat for row in page if row.state is NodeInvoiceState.SETTLED}
                after = page[-1].add_index
        finally:
            await node.close()
        return settled
