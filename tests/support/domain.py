"""The domain on a real database and a simulated node, without the web."""

import secrets
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.access.authorize import Authorizer
from gateway.catalog.catalog import Catalog
from gateway.errors import TooMany
from gateway.limits.limits import InvoiceLimits, Limits
from gateway.limits.rate_windows import RateLimit
from gateway.nodes.identity import PinnedNode
from gateway.nodes.pool import Nodes
from gateway.ports.announcer import Announcer
from gateway.ports.clock import Clock
from gateway.ports.node import Node
from gateway.rows import Invoice, Item, Unresolved
from gateway.sales.challenges import Challenges
from gateway.sales.checkout import Checkout, Sold
from gateway.sales.purchase import Buyer, Sales
from gateway.sales.terms import Terms, item_terms, tip_terms
from gateway.settlement.recheck import Rechecker
from gateway.settlement.settle import Settler
from gateway.settlement.sweep import Sweeper
from gateway.simulator.core import Simulator
from gateway.simulator.in_process_node import InProcessNode
from gateway.store.engines.database import Database, open_database
from gateway.store.files.keyring import FileKeyRing
from tests.support.announced import Announced
from tests.support.clock import FakeClock
from tests.support.databases import Dump, broken_invariants, dump_tables, put_database
from tests.support.rows import EXPIRY_SECONDS, NODE_ID, a_creator, an_item

PUBLIC_HOST = "pay.example"
RATES = ("invoices_per_client", "invoices_per_item", "invoices_overall")
_VALUES = dict.fromkeys(RATES, "1000/day") | {
    "open_invoices_per_client": 20,
    "open_invoices": 10_000,
    "invoice_expiry_seconds": 600,
}
_NONE: dict[str, Any] = dict.fromkeys(RATES, "1000000000/day") | {
    "open_invoices_per_client": 10**9,
    "open_invoices": 10**9,
}


@dataclass(slots=True)
class Domain:
    """Everything between the terms of a sale and the books, and what it announced."""

    database_url: str
    clock: FakeClock
    core: Simulator
    node: Node
    store: Database
    keys: FileKeyRing
    nodes: Nodes
    pinned: PinnedNode
    catalog: Catalog
    checkout: Checkout
    sales: Sales
    settler: Settler
    rechecker: Rechecker
    sweeper: Sweeper
    authorizer: Authorizer
    announced: list[str]
    canceled: list[str]

    async def terms(self, item_id: str = "welcome") -> Terms:
        """The terms on which an item is sold now."""
        await self.catalog.refresh()
        item = self.catalog.item(item_id)
        return item_terms(item, self.catalog.creator(item.creator), public_host=PUBLIC_HOST)

    def tip(self, creator: str, *, amount_msat: int, message: str = "", name: str = "") -> Terms:
        """The terms of a tip."""
        to = self.catalog.creator(creator)
        return tip_terms(to, amount_msat=amount_msat, message=message, name=name, public_host=PUBLIC_HOST)

    async def sell(self, item_id: str = "welcome", *, idempotency_key: str | None = None) -> Invoice:
        """A reader's own invoice."""
        return (await self.create(await self.terms(item_id), idempotency_key=idempotency_key)).invoice

    async def create(
        self, terms: Terms, *, idempotency_key: str | None = None, earlier: Sequence[Invoice] = ()
    ) -> Sold:
        """What a reader's request is answered."""
        buyer = Buyer(client_key="a network", idempotency_key=idempotency_key, earlier=earlier)
        return await self.sales.sell(terms, buyer)

    def sales_with(
        self,
        *,
        checkout: Checkout | None = None,
        limits: Limits | None = None,
        announcer: Announcer | None = None,
    ) -> Sales:
        """Sales with parts of their own, at the same node and on the same database."""
        return Sales(
            checkout or self.checkout,
            Challenges(self.clock),
            self.authorizer,
            limits or no_limits(self.clock),
            self.keys,
            self.clock,
            announcer or Announced(),
            public_host=PUBLIC_HOST,
        )

    async def sell_many(self, count: int) -> list[Invoice]:
        """Several invoices, in add order."""
        return [await self.sell() for _ in range(count)]

    def pay(self, invoice: Invoice, *, amount_msat: int | None = None) -> str:
        """Pay at the node; returns the preimage."""
        return self.core.pay(bytes.fromhex(invoice.payment_hash), amount_msat=amount_msat).preimage.hex()

    async def row(self, invoice: Invoice) -> Invoice:
        """The invoice as the database has it."""
        found = await self.store.read(lambda tx: tx.invoices.get(invoice.payment_hash))
        assert found is not None
        return found

    async def states(self, invoices: Sequence[Invoice]) -> list[str]:
        """What the database says of each."""
        return [(await self.row(invoice)).state.value for invoice in invoices]

    async def balances(self) -> dict[str, int]:
        """Every account's balance, in msat."""
        found = await self.store.read(lambda tx: tx.ledger.balances())
        return {balance.account: balance.balance_msat for balance in found}

    def dump(self) -> Dump:
        """Every row of every table, to compare before and after."""
        return dump_tables(self.database_url)


@asynccontextmanager
async def open_domain(
    folder: Path,
    clock: FakeClock,
    core: Simulator,
    *,
    database_url: str = "",
    node: Node | None = None,
    items: Sequence[Item] = (),
) -> AsyncIterator[Domain]:
    """Open the domain on a data folder, new or used before, selling `welcome` and `items`; audited at the end.

    Without a `database_url` the database is on SQLite in that folder.
    """
    database_url = database_url or put_database(folder / "tuppence.db")
    store = await open_database(database_url)
    node = node or InProcessNode(core, node_id=NODE_ID)
    keys = FileKeyRing.open(folder / "keys")
    catalog = Catalog(store)
    announced = Announced()
    nodes = Nodes([node], store)
    pinned, settler = nodes[node.node_id].pinned, Settler(node, store, clock, announced)
    rechecker = Rechecker(nodes, {node.node_id: settler}, store, clock)
    checkout = Checkout(nodes, rechecker, store, keys, clock, secrets.token_bytes, expiry_seconds=EXPIRY_SECONDS)
    sweeper = Sweeper(pinned, settler, store, clock)
    authorizer = Authorizer(keys, store, rechecker, clock)
    sales = Sales(
        checkout, Challenges(clock), authorizer, no_limits(clock), keys, clock, announced, public_host=PUBLIC_HOST
    )
    await _stock(store, items)
    await catalog.refresh()
    try:
        yield Domain(
            database_url,
            clock,
            core,
            node,
            store,
            keys,
            nodes,
            pinned,
            catalog,
            checkout,
            sales,
            settler,
            rechecker,
            sweeper,
            authorizer,
            announced.settled_hashes,
            announced.canceled_hashes,
        )
    finally:
        await store.close()
    assert broken_invariants(database_url) == []


async def _stock(store: Database, items: Sequence[Item]) -> None:
    for name in ("alice", "bob"):
        await store.write(lambda tx, n=name: tx.creators.insert(a_creator(n)))  # type: ignore[misc]  # bound in the loop
    for item in (an_item(), *items):
        await store.write(lambda tx, i=item: tx.items.insert(i))  # type: ignore[misc]  # bound in the loop


def exhausted(domain: Domain) -> Limits:
    """Limits that refuse a new invoice to anybody."""
    refusing = limits(domain.clock, open_invoices=1)
    for client in ("one", "another"):
        with suppress(TooMany), refusing.reserve(client, "welcome") as reservation:
            reservation.issued(client)
    return refusing


def limits(clock: Clock, *, restored: Iterable[Unresolved] = (), **fields: Any) -> Limits:
    """Limits with rates that a test does not meet unless it sets them."""
    most: dict[str, Any] = {
        name: RateLimit.parse(value) if isinstance(value, str) else value for name, value in (_VALUES | fields).items()
    }
    return Limits(InvoiceLimits(**most), clock, open_invoices=restored)


def no_limits(clock: Clock) -> Limits:
    """Limits that nothing meets."""
    return limits(clock, **_NONE)
