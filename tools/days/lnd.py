"""LND in a simulated day: the core behind the ports without gRPC, as far away as a network, and what befalls it."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from random import Random

from gateway.errors import OutcomeUnknown, Unavailable
from gateway.money import Msat
from gateway.ports.clock import Clock
from gateway.ports.node import IssuedInvoice, NodeInvoice, NodeInvoiceState, NodeState, NodeStatus
from gateway.ports.payer import DecodedInvoice, PaymentReport, PaymentState
from gateway.simulator.core import Simulator
from gateway.simulator.in_process_node import InProcessNode, _is_ours, check_ready
from gateway.simulator.invoice import SimulatedInvoice
from gateway.simulator.payments.in_process_payer import InProcessPayer
from gateway.simulator.payments.network import Network
from gateway.simulator.refusals import CallRefused
from tests.payouts.world import drawn_answer, drawn_plan
from tests.support.rows import NODE_ID

DEADLINE_SECONDS = 5.0
PROBE_EVERY_SECONDS = 15.0
KEY = b"\7" * 32
FUNDS_MSAT = 10**12


class Lnd:
    """The node itself, which outlives every gateway; `flowing` is clear while the network swallows everything.

    Whatever may become of a payment is drawn. `creators_node` is where creators and payers are paid.
    """

    def __init__(self, clock: Clock, rng: Random) -> None:
        self.clock, self._rng = clock, rng
        self.flowing = asyncio.Event()
        self.flowing.set()
        self._network = Network()
        self.creators_node = Simulator(clock=clock, random_bytes=rng.randbytes, network=self._network)
        self.core = self._new_core()
        self.backups: deque[list[SimulatedInvoice]] = deque(maxlen=4)
        self.forgotten: dict[str, int] = {}
        """Settled invoices that it does not know since it was restored from a backup: msat by payment hash."""

    def back_up(self) -> None:
        """Copy what it knows."""
        self.backups.append(list(self.core.invoices))

    def restore(self, backup: list[SimulatedInvoice]) -> None:
        """Lose the invoices that it made since the backup, but no payment; its counters run on from there."""
        forgotten = self.settled()
        old, self.core = self.core, self._new_core()
        self.core.restore(backup)
        self.core.payments.restore(old.payments)
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
        core = Simulator(
            clock=self.clock, random_bytes=self._rng.randbytes, key=KEY, network=self._network, funds_msat=FUNDS_MSAT
        )
        core.payments.plan = lambda: drawn_plan(self._rng)
        core.payments.track_answer = lambda: drawn_answer(self._rng)
        return core


class _Remote:
    """The way to the node for one life of a gateway: each call travels there and back, or runs into its deadline."""

    _core: Simulator

    def __init__(self, lnd: Lnd, rng: Random, is_alive: Callable[[], bool]) -> None:
        super().__init__(lnd.core, node_id=NODE_ID)  # type: ignore[call-arg]  # the next class is that of a port
        self._lnd, self._rng, self._is_alive = lnd, rng, is_alive

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


class RemoteNode(_Remote, InProcessNode):
    """Satisfies `ports.Node` for one life of a gateway."""

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


class RemotePayer(_Remote, InProcessPayer):
    """Satisfies `ports.Payer` for one life of a gateway. While it `stands`, its process makes no call that pays."""

    def __init__(self, lnd: Lnd, rng: Random, is_alive: Callable[[], bool]) -> None:
        super().__init__(lnd, rng, is_alive)
        self.stands = False
        self.standing: list[tuple[str, Msat]] = []
        """The calls before which it stands, each an invoice and its fee limit."""

    def go_on(self) -> None:
        """Make the calls after all; their process has been replaced, and nobody waits for an answer any more."""
        for payment_request, fee_limit_msat in self.standing:
            with suppress(CallRefused):
                self._lnd.core.check_ready()
                self._lnd.core.payments.send(payment_request, fee_limit_msat=fee_limit_msat)

    async def decode(self, payment_request: str) -> DecodedInvoice:
        """As the Protocol has it."""
        await self._travel()
        return await super().decode(payment_request)

    async def send(
        self, payment_request: str, *, payment_hash: str, fee_limit_msat: Msat, timeout_seconds: int
    ) -> PaymentReport:
        """As the Protocol has it."""
        if self.stands:
            self.standing.append((payment_request, fee_limit_msat))
            await asyncio.Event().wait()
        await self._travel()
        report = await super().send(
            payment_request, payment_hash=payment_hash, fee_limit_msat=fee_limit_msat, timeout_seconds=timeout_seconds
        )
        return await self._told(report)

    async def track(self, payment_hash: str) -> PaymentReport:
        """As the Protocol has it."""
        try:
            await self._travel()
        except Unavailable as error:
            return PaymentReport(payment_hash=payment_hash, state=PaymentState.UNKNOWN, reason=error.detail)
        return await self._told(await super().track(payment_hash))

    async def identity_pubkey(self) -> str:
        """As the Protocol has it."""
        await self._travel()
        return await super().identity_pubkey()

    async def _told(self, report: PaymentReport) -> PaymentReport:
        try:
            await self._travel()
        except Unavailable as error:
            return PaymentReport(payment_hash=report.payment_hash, state=PaymentState.UNKNOWN, reason=error.detail)
        return report
