"""A gateway that can be crashed, its node, and a model of what was paid, for state machines to act upon."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from enum import Enum, auto
from pathlib import Path
from secrets import token_bytes
from typing import Any, TypeVar

from hypothesis.stateful import Bundle, RuleBasedStateMachine, multiple

from gateway.access.tokens import Credential, mint_token
from gateway.errors import OutcomeUnknown, Refused, Unavailable
from gateway.ports.store import Tx
from gateway.rows import Invoice, InvoiceState
from gateway.simulator.subscription import Subscription
from tests.support.clock import FakeClock
from tests.support.domain import Domain, open_domain
from tests.support.nodes.roomy_simulator import RoomySimulator
from tests.support.rows import START, an_item

T = TypeVar("T")
ACCESS_SECONDS = 3_600
ITEMS = ("welcome", "for-an-hour")
NOTHING_COMES_OF_IT = (Unavailable, OutcomeUnknown)
"""What is tried again another time, or looked at."""


class WriteFault(Enum):
    """What becomes of writes: the disk is full, or the answer to a commit is lost."""

    NONE = auto()
    REFUSED = auto()
    UNANSWERED = auto()


@dataclass(slots=True)
class Sale:
    """What the model knows of an invoice: what it pinned, and what reached the node."""

    invoice: Invoice
    token: bytes
    paid_msat: int = 0
    settled_at: int = 0
    preimage: str = ""
    is_refunded: bool = False


class ModelledGateway(RuleBasedStateMachine):
    """One gateway on one database, at one node; both may fail, and the database and the node's rows stay."""

    database_url = ""
    """Empty: on SQLite in a folder of its own."""
    sales = Bundle("sales")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = FakeClock(START)
        self.core = RoomySimulator(clock=self.clock, random_bytes=token_bytes)
        self.known: dict[str, Sale] = {}
        self.keys = 0
        self.stream: Subscription | None = None
        self.write_fault = WriteFault.NONE
        self.domain, self.stack = self.open()

    def run(self, work: Awaitable[T]) -> T:
        async def wait() -> T:
            return await work

        return self.loop.run_until_complete(wait())

    def open(self) -> tuple[Domain, AsyncExitStack]:
        stack = AsyncExitStack()
        items = [an_item(ITEMS[1], access_seconds=ACCESS_SECONDS)]
        opened = open_domain(Path(self.folder.name), self.clock, self.core, database_url=self.database_url, items=items)
        domain = self.run(stack.enter_async_context(opened))
        write = domain.store.write

        async def write_or_fail(work: Callable[[Tx], T]) -> T:
            if self.write_fault is WriteFault.REFUSED:
                raise Unavailable("database_away", "The disk is full.")
            written = await write(work)
            if self.write_fault is WriteFault.UNANSWERED:
                raise OutcomeUnknown("commit_unanswered", "The connection was lost.")
            return written

        domain.store.write = write_or_fail  # type: ignore[method-assign]  # every part holds this store
        return domain, stack

    def restart(self) -> None:
        """The process ends, and another begins."""
        self.run(self.stack.aclose())
        self.stream = None
        self.domain, self.stack = self.open()

    def teardown(self) -> None:
        self.run(self.stack.aclose())
        self.loop.close()
        self.folder.cleanup()

    async def create(self, item_id: str, *, challenged: bool = False, key: str | None = None) -> Sale:
        terms = await self.domain.terms(item_id)
        if challenged:
            invoice = await self.domain.checkout.challenge(terms)
            return Sale(invoice, mint_token(self.domain.keys, invoice))
        sold = await self.domain.create(terms, idempotency_key=key)
        return Sale(sold.invoice, sold.token)

    def sold(self, create: Callable[[], Awaitable[Sale]]) -> Any:
        """A new sale for the bundle; none while node or database are away or the item archived."""
        try:
            sale = self.run(create())
        except (Refused, *NOTHING_COMES_OF_IT):
            return multiple()
        assert sale.invoice.payment_hash not in self.known
        self.known[sale.invoice.payment_hash] = sale
        return sale

    def take(self, sale: Sale, amount_msat: int) -> None:
        """The node takes a payment. Raises `PaymentRefused`."""
        row = self.core.pay(bytes.fromhex(sale.invoice.payment_hash), amount_msat=amount_msat)
        assert sale.paid_msat == 0, "a node takes one payment"
        sale.paid_msat, sale.settled_at, sale.preimage = amount_msat, row.settled_at, row.preimage.hex()

    def change(self, item_id: str, **fields: Any) -> None:
        now = int(self.clock.now)
        self.try_(lambda: self.domain.catalog.change_item(item_id, lambda item: replace(item, **fields), now=now))

    def opens(self, sale: Sale, preimage: bytes | None) -> bool:
        async def authorize() -> bool:
            # As every process does each second.
            await self.domain.authorizer.refunded.refresh()
            presented = [("line", Credential(sale.token, preimage))]
            await self.domain.authorizer.authorize(presented, sale.invoice.item_id or "welcome")
            return True

        try:
            return self.run(authorize())
        except (Refused, *NOTHING_COMES_OF_IT):
            return False

    async def recheck_now(self, sale: Sale) -> None:
        rows = await self.domain.store.read(lambda tx: tx.invoices.get_many([sale.invoice.payment_hash]))
        assert rows or sale.paid_msat == 0, "only what nobody paid is purged"
        for row in rows:
            seen, booked = await self.domain.rechecker.recheck(row), await self.domain.row(row)
            # The node's word holds while the database takes nothing.
            said = seen.state is InvoiceState.SETTLED and sale.paid_msat > 0 and booked.state is InvoiceState.OPEN
            assert seen == booked or said

    def try_(self, work: Callable[[], Awaitable[Any]]) -> None:
        """What a node or a database that is away interrupts is tried again another time."""
        with suppress(*NOTHING_COMES_OF_IT):
            self.run(work())

    def settled(self) -> dict[str, int]:
        """The amounts of the settled rows, by payment hash."""

        def read(tx: Tx) -> dict[str, int]:
            rows = tx.invoices.get_many(list(self.known))
            return {row.payment_hash: row.paid_msat or 0 for row in rows if row.state is InvoiceState.SETTLED}

        return self.run(self.domain.store.read(read))
