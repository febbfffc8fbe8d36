"""The domain on a real database and a simulated node, without the web."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.access.authorize import Authorizer
from gateway.catalog.catalog import Catalog
from gateway.nodes.identity import PinnedNode
from gateway.nodes.pool import Nodes
from gateway.ports.node import Node
from gateway.rows import Invoice, Item
from gateway.sales.checkout import Checkout
from gateway.sales.terms import Terms
from gateway.settlement.recheck import Rechecker
from gateway.settlement.settle import Settler
from gateway.settlement.sweep import Sweeper
from gateway.simulator.core import Simulator
from gateway.simulator.direct import DirectNode
from gateway.store.engines.database import Database, open_database
from gateway.store.files.keyring import FileKeyRing
from tests.support.announced import Announced
from tests.support.clock import FakeClock
from tests.support.databases import Dump, broken_invariants, dump_tables, put_database
from tests.support.rows import EXPIRY_SECONDS, NODE_ID, a_creator, an_item


@dataclass(slots=True)
class Till:
    """Everything that turns an offer into books, and what it announced."""

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
    settler: Settler
    rechecker: Rechecker
    sweeper: Sweeper
    authorizer: Authorizer
    announced: list[str]
    canceled: list[str]

    async def offer(self, item_id: str = "welcome") -> Terms:
        """What buying an item would pin now."""
        await self.catalog.refresh()
        item = self.catalog.item(item_id)
        return self.checkout.item_terms(item, self.catalog.creator(item.creator))

    async def sell(self, item_id: str = "welcome", *, idempotency_key: str | None = None) -> Invoice:
        """A reader's own invoice."""
        sold = await self.checkout.create(await self.offer(item_id), idempotency_key=idempotency_key)
        return sold.invoice

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
async def open_till(
    folder: Path,
    clock: FakeClock,
    core: Simulator,
    *,
    database_url: str = "",
    node: Node | None = None,
    items: Sequence[Item] = (),
) -> AsyncIterator[Till]:
    """A till on a data folder that may have been used before, selling `welcome` and `items`; audited at the end.

    Without a `database_url` the database is on SQLite in that folder.
    """
    database_url = database_url or put_database(folder / "tuppence.db")
    store = await open_database(database_url)
    node = node or DirectNode(core, node_id=NODE_ID)
    keys = FileKeyRing.open(folder / "keys")
    catalog = Catalog(store)
    announced = Announced()
    nodes = Nodes([node], store)
    pinned, settler = nodes[node.node_id].pinned, Settler(node, store, clock, announced)
    rechecker = Rechecker(nodes, {node.node_id: settler}, store, clock)
    checkout = Checkout(
        nodes,
        rechecker,
        store,
        keys,
        clock,
        secrets.token_bytes,
        public_host="pay.example",
        expiry_seconds=EXPIRY_SECONDS,
    )
    sweeper = Sweeper(pinned, settler, store, clock)
    authorizer = Authorizer(keys, store, rechecker, clock)
    await _stock(store, items)
    await catalog.refresh()
    try:
        yield Till(
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
