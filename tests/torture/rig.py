"""A gateway as a process of its own at a node, its readers and payers, and a look into its books from outside."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
from sqlalchemy import Connection, text

from gateway.lnd.client import LndNode
from gateway.ports import NodeInvoiceState
from gateway.store.sqlite import sqlite_engine
from tests.bench.nodes import BenchNode, Payable, settings_of
from tests.bench.served import ITEM, READY_SECONDS, Served, buy, serve
from tests.days.verdict import Verdict, judge
from tests.torture.tally import Failed, Tally

PAGE = 500
LOOK_SECONDS = 0.05
LAST_ONES_SECONDS = 60.0
BUYERS = 16
OPENED_AT_THE_END = 50


@dataclass(slots=True)
class Rig:
    """What readers hold and what was paid, over every life of the gateway."""

    folder: Path
    node: BenchNode
    rng: Random
    target: str = ""
    """Where the gateway finds the node, when that is not the node itself."""
    unpaid: list[dict[str, Any]] = field(default_factory=list)
    paid: list[dict[str, Any]] = field(default_factory=list)
    last_paid_at: float = 0.0
    slowest_start_seconds: float = 0.0

    @asynccontextmanager
    async def gateway(self) -> AsyncIterator[Served]:
        """One life; kill its process whenever you like."""
        variables = dict(settings_of(self.node))
        if self.target:
            variables["TUPPENCE_LND_TARGET"] = self.target
        async with AsyncExitStack() as stack:
            try:
                served = await stack.enter_async_context(serve(self.folder, variables, loop="asyncio"))
            except TimeoutError as error:
                raise Failed(f"the gateway was not ready within {READY_SECONDS:.0f} s") from error
            self.slowest_start_seconds = max(self.slowest_start_seconds, served.ready_at - served.started_at)
            yield served

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

    async def until_credited(self, *, within_seconds: float) -> float:
        """Wait until everything paid so far is credited; gives the seconds. Raises `Failed` when they are over."""
        began, wanted = time.monotonic(), len(self.paid)
        while (credited := self.credited()) < wanted:
            if time.monotonic() - began > within_seconds:
                raise Failed(f"{wanted - credited} of {wanted} payments were not credited within {within_seconds} s")
            await asyncio.sleep(LOOK_SECONDS)
        return time.monotonic() - began

    async def until_last_credited(self, *, within_seconds: float) -> float:
        """The same, from the last payment on."""
        await self.until_credited(within_seconds=within_seconds - (time.monotonic() - self.last_paid_at))
        return time.monotonic() - self.last_paid_at

    def credited(self) -> int:
        """How many payments are in the books."""
        with self.books() as books:
            return int(books.execute(text("SELECT COUNT(*) FROM events")).scalar_one())

    def books(self) -> Connection:
        """The books, read only."""
        connection = sqlite_engine(self.folder / "data" / "tuppence.db").connect()
        connection.exec_driver_sql("PRAGMA query_only=ON")
        return connection

    async def judge(self) -> Verdict:
        """The books against what the node itself says."""
        settled = await self._settled()
        with self.books() as books:
            return judge(books, settled, forgotten={}, is_final=True)

    async def tally(self, **fields: Any) -> Tally:
        """The figures at the end. Raises `Failed` when an invariant broke."""
        verdict = await self.judge()
        began = time.monotonic()
        while verdict.lost and time.monotonic() - began < LAST_ONES_SECONDS:
            # A payment whose payer gave up may have settled a moment ago.
            await asyncio.sleep(LOOK_SECONDS)
            verdict = await self.judge()
        if verdict.broken:
            raise Failed("; ".join(verdict.broken))
        return Tally(
            payments=len(self.paid),
            lost=len(verdict.lost),
            double=len(verdict.double),
            drift_msat=verdict.drift_msat,
            **fields,
        )

    async def open_some(self, served: Served) -> None:
        """What was paid for opens. Raises `Failed`."""
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
