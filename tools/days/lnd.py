"""LND in a simulated day: the core behind the port without gRPC, as far away as a network, and what befalls it."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from random import Random

from gateway.errors import OutcomeUnknown, Unavailable
from gateway.money import Msat
from gateway.ports.clock import Clock
from gateway.ports.node import IssuedInvoice, NodeInvoice, NodeInvoiceState, NodeState, NodeStatus
from gateway.simulator.core import Simulator
from gateway.simulator.in_process_node import InProcessNode, _is_ours, check_ready
from gateway.simulator.invoice import SimulatedInvoice
from tests.support.rows import NODE_ID

DEADLINE_SECONDS = 5.0
PROBE_EVERY_SECONDS = 15.0
KEY = b"\7" * 32


class Lnd:
    """The node itself, which outlives every gateway; `flowing` is clear while the network swallows everything."""

    def __init__(self, clock: Clock, rng: Random) -> None:
        self._clock, self._rng = clock, rng
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.core = self._new_core()
        self.backups: deque[list[SimulatedInvoice]] = deque(maxlen=4)
        self.forgotten: dict[str, int] = {}
        """Settled invoices that it does not know since it was restored from a backup: msat by payment hash."""

    def back_up(self) -> None:
        """Copy what it knows."""
        self.backups.append(list(self.core.invoices))

    def restore(self, backup: list[SimulatedInvoice]) -> None:
        """Lose what it learned since the backup; its counters run on from there."""
        forgotten = self.settled()
        old, self.core = self.core, self._new_core()
        self.core.restore(backup)
        self.core.state, self.core.quirks = old.state, old.quirks
        self.forgotten |= {key: msat for key, msat in forgotten.items() if key not in self.settled()}
        self.backups.clear()
        old.restart()

    def settled(self) -> dict[str, int]:
        """The invoices that it reports as settled: msat by payment hash."""
        rows = (row for row in self.core.invoices if not (row.is_keysend or row.is_amp))
        return {row.payment_hash.hex(): row.paid_msat for row in rows if row.state is NodeInvoiceState.SETTLED}

    def resume(self) -> None:
        """Let everything through again."""
        self.flowing.set()
        for subscription in self.core._subscriptions:
            subscription._wake()

    def _new_core(self) -> Simulator:
        return Simulator(clock=self._clock, random_bytes=self._rng.randbytes, key=KEY)


class RemoteNode(InProcessNode):
    """Satisfies `ports.Node` for one life of a gateway: each call travels there and back, or runs into its deadline."""

    def __init__(self, lnd: Lnd, rng: Random, is_alive: Callable[[], bool]) -> None:
        super().__init__(lnd.core, node_id=NODE_ID)
        self._lnd, self._rng, self._is_alive = lnd, rng, is_alive

    async def add_invoice(self, preimage: bytes, *, amount_msat: Msat, memo: str, expiry_seconds: int) -> IssuedInvoice:
        """As the Protocol has it."""
        await self._travel()
        issued = await super().add_invoice(preimage, amount_msat=amount_msat, memo=memo, expiry_seconds=expiry_seconds)
        try:
            await self._travel()
        except Unavailable as error:
            raise OutcomeUnknown("node_outcome_unknown", "the node did not answer in time") from error
        return issued

    async def lookup(self, payment_hash: str) -> NodeInvoice | None:
        """As the Protocol has it."""
        await self._travel()
        found = await super().lookup(payment_hash)
        await self._travel()
        return found

    async def list_invoices(self, *, after_add_index: int, limit: int) -> Sequence[NodeInvoice]:
        """As the Protocol has it."""
        await self._travel()
        page = await super().list_invoices(after_add_index=after_add_index, limit=limit)
        await self._travel()
        return page

    async def status(self) -> NodeStatus:
        """As the Protocol has it."""
        try:
            await self._travel()
        except Unavailable:
            return NodeStatus(state=NodeState.ABSENT, detail="the node does not answer")
        return await super().status()

    async def subscribe(self) -> AsyncGenerator[NodeInvoice]:
        """As the Protocol has it: a connection that is probed every 15 s, and given up when a probe is swallowed."""
        await self._travel()
        check_ready(self._lnd.core)
        core, changed = self._core, asyncio.Event()
        subscription = core.subscribe(add_index=0, settle_index=0, wake=changed.set)
        try:
            while not subscription.broken:
                changed.clear()
                while self._lnd.flowing.is_set() and (row := subscription.take()) is not None:
                    if _is_ours(row):
                        yield self._translate(row)
                with suppress(TimeoutError):
                    async with asyncio.timeout(PROBE_EVERY_SECONDS):
                        await changed.wait()
                if not self._lnd.flowing.is_set():
                    await self._travel()
        finally:
            core.unsubscribe(subscription)
        raise Unavailable("node_away", "the node broke off its stream of invoices")

    async def _travel(self) -> None:
        """One way over the network. Raises `Unavailable` at the deadline."""
        await asyncio.sleep(self._rng.uniform(0.0005, 0.02))
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                await self._lnd.flowing.wait()
        except TimeoutError as error:
            raise Unavailable("node_away", "the node did not answer in time", retry_after_seconds=5) from error
        if not self._is_alive():
            raise asyncio.CancelledError
        self._core = self._lnd.core
