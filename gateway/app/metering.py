"""Wrappers of the store and of nodes that measure how long each call takes and count refusals."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from time import perf_counter
from typing import TypeVar

from gateway.errors import OutcomeUnknown, Unavailable
from gateway.money import Msat
from gateway.ports.node import ChannelLiquidity, IssuedInvoice, Node, NodeInvoice, NodeStatus
from gateway.ports.store import Store, Tx

T = TypeVar("T")


class Meter:
    """Reports each call by its name: the seconds that it took, and the code of a refusal."""

    def __init__(self, took: Callable[[str, float], None], refused: Callable[[str, str], None]) -> None:
        self._took, self._refused = took, refused

    async def note(self, call: str, answer: Awaitable[T]) -> T:
        """Await an answer; returns it, or raises what it raises."""
        began = perf_counter()
        try:
            return await answer
        except (Unavailable, OutcomeUnknown) as refusal:
            self._refused(call, refusal.code)
            raise
        finally:
            self._took(call, perf_counter() - began)


class MeteredStore:
    """Satisfies `ports.store.Store`."""

    def __init__(self, store: Store, meter: Meter) -> None:
        self._store, self._meter = store, meter

    async def write(self, work: Callable[[Tx], T]) -> T:
        return await self._meter.note("write", self._store.write(work))

    async def read(self, work: Callable[[Tx], T]) -> T:
        return await self._meter.note("read", self._store.read(work))


class MeteredNode:
    """Satisfies `ports.node.Node`. Streams are not measured: they have no answer."""

    def __init__(self, node: Node, meter: Meter) -> None:
        self.node_id = node.node_id
        self._node, self._meter = node, meter

    async def add_invoice(self, preimage: bytes, *, amount_msat: Msat, memo: str, expiry_seconds: int) -> IssuedInvoice:
        answer = self._node.add_invoice(preimage, amount_msat=amount_msat, memo=memo, expiry_seconds=expiry_seconds)
        return await self._meter.note("add_invoice", answer)

    async def lookup(self, payment_hash: str) -> NodeInvoice | None:
        return await self._meter.note("lookup", self._node.lookup(payment_hash))

    async def list_invoices(self, *, after_add_index: int, limit: int) -> Sequence[NodeInvoice]:
        answer = self._node.list_invoices(after_add_index=after_add_index, limit=limit)
        return await self._meter.note("list_invoices", answer)

    def subscribe(self) -> AsyncGenerator[NodeInvoice]:
        return self._node.subscribe()

    async def preimage(self, payment_hash: str) -> str | None:
        return await self._meter.note("preimage", self._node.preimage(payment_hash))

    async def cancel(self, payment_hash: str) -> None:
        await self._meter.note("cancel", self._node.cancel(payment_hash))

    async def status(self) -> NodeStatus:
        return await self._meter.note("status", self._node.status())

    async def liquidity(self) -> ChannelLiquidity:
        return await self._meter.note("liquidity", self._node.liquidity())
