"""A simulated node that records its calls, and fails or waits on demand."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from gateway.errors import TuppenceError
from gateway.money import Msat
from gateway.ports.node import IssuedInvoice, NodeInvoice, NodeStatus
from gateway.simulator.core import Simulator
from gateway.simulator.in_process_node import InProcessNode


class ObservedNode(InProcessNode):
    """`calls` names what was asked, in order, `about` the payment hashes.

    `failing` raises its error; while `gate` is clear, calls wait.
    """

    def __init__(self, core: Simulator, *, node_id: str = "lnd") -> None:
        super().__init__(core, node_id=node_id)
        self.calls: list[str] = []
        self.about: set[str] = set()
        self.failing: dict[str, TuppenceError] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.pages: list[int] = []
        self.preimages: list[bytes] = []

    async def add_invoice(self, preimage: bytes, *, amount_msat: Msat, memo: str, expiry_seconds: int) -> IssuedInvoice:
        """As the Protocol has it."""
        self.preimages.append(preimage)
        await self._note("add_invoice")
        return await super().add_invoice(preimage, amount_msat=amount_msat, memo=memo, expiry_seconds=expiry_seconds)

    async def lookup(self, payment_hash: str) -> NodeInvoice | None:
        """As the Protocol has it."""
        self.about.add(payment_hash)
        await self._note("lookup")
        return await super().lookup(payment_hash)

    async def list_invoices(self, *, after_add_index: int, limit: int) -> Sequence[NodeInvoice]:
        """As the Protocol has it."""
        self.pages.append(after_add_index)
        await self._note("list_invoices")
        return await super().list_invoices(after_add_index=after_add_index, limit=limit)

    async def cancel(self, payment_hash: str) -> None:
        """As the Protocol has it."""
        await self._note("cancel")
        await super().cancel(payment_hash)

    async def subscribe(self) -> AsyncGenerator[NodeInvoice]:
        """As the Protocol has it."""
        await self._note("subscribe")
        async for report in super().subscribe():
            yield report

    async def preimage(self, payment_hash: str) -> str | None:
        """As the Protocol has it."""
        self.about.add(payment_hash)
        await self._note("preimage")
        return await super().preimage(payment_hash)

    async def status(self) -> NodeStatus:
        """As the Protocol has it."""
        self.calls.append("status")
        return await super().status()

    def asked(self, *names: str) -> int:
        """How often it was asked for any of these."""
        return sum(self.calls.count(name) for name in names)

    async def _note(self, name: str) -> None:
        self.calls.append(name)
        if name in self.failing:
            raise self.failing[name]
        await self.gate.wait()
