"""Two simulated nodes, and a gateway that sells at both."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from secrets import token_bytes
from typing import Any

from gateway.app.background import BACKGROUND_TIMING, BackgroundTiming
from gateway.config import Config
from gateway.rows import Invoice
from gateway.simulator.core import Simulator
from tests.support.announced import Announced
from tests.support.clock import FakeClock, until
from tests.support.nodes.observed_node import ObservedNode
from tests.support.rows import a_creator
from tests.support.site import Site, open_site

TEXT = "# A little\n\nThe free part.\n\n<!-- more -->\n\nThe paid part."


@dataclass(slots=True)
class Pair:
    """Two nodes, and a gateway that sells `welcome` at both."""

    north: Simulator
    south: Simulator
    nodes: list[ObservedNode]
    site: Site
    announced: Announced

    def core(self, node_id: str) -> Simulator:
        return {"north": self.north, "south": self.south}[node_id]

    async def buy(self) -> tuple[Invoice, dict[str, str]]:
        """The row of a new invoice, and the headers that present its token."""
        invoice, token = await self.site.buy("welcome")
        return await self.row(invoice["payment_hash"]), token

    async def buy_at(self, node_id: str) -> tuple[Invoice, dict[str, str]]:
        """A new invoice of that node, which is asked at least every other time."""
        bought = [await self.buy() for _ in range(2)]
        return next((row, token) for row, token in bought if row.node_id == node_id)

    async def row(self, payment_hash: str) -> Invoice:
        found = await self.site.gateway.store.read(lambda tx: tx.invoices.get(payment_hash))
        assert found is not None
        return found

    def pay(self, row: Invoice) -> str:
        return self.core(row.node_id).pay(bytes.fromhex(row.payment_hash)).preimage.hex()

    async def until_settled(self, *rows: Invoice) -> None:
        async def settled() -> bool:
            return {(await self.row(row.payment_hash)).state.value for row in rows} == {"settled"}

        await until(settled)

    async def sellers(self, count: int) -> list[str]:
        """Where so many new invoices are made."""
        return [(await self.buy())[0].node_id for _ in range(count)]

    async def change(self, node_id: str, *, drained: bool) -> Any:
        path = f"/v1/admin/nodes/{node_id}"
        status, node = await self.site.call("PATCH", path, json={"drained": drained}, headers=self.site.operator)
        assert status == 200, node
        return node


@asynccontextmanager
async def open_pair(
    config: Config, clock: FakeClock, *, timing: BackgroundTiming = BACKGROUND_TIMING
) -> AsyncIterator[Pair]:
    """The nodes `north` and `south`, in that order, and a gateway that sells `welcome`."""
    north, south = (Simulator(clock=clock, random_bytes=token_bytes) for _ in range(2))
    nodes = [ObservedNode(north, node_id="north"), ObservedNode(south, node_id="south")]
    announced = Announced()
    async with open_site(config, clock, north, nodes=nodes, announcers=[announced], timing=timing) as site:
        for name in ("alice", "bob"):
            await site.gateway.catalog.add_creator(a_creator(name))
        await site.sell_text(TEXT)
        yield Pair(north, south, nodes, site, announced)
