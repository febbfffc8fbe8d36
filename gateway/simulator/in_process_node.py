"""The simulated node as `ports.Node` without gRPC, for state machines and simulated days."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from gateway.errors import OutcomeUnknown, Unavailable
from gateway.money import Msat
from gateway.ports.node import ChannelLiquidity, IssuedInvoice, NodeInvoice, NodeInvoiceState, NodeState, NodeStatus
from gateway.simulator.core import Simulator
from gateway.simulator.invoice import SimulatedInvoice
from gateway.simulator.refusals import CallRefused

_CODES = {
    NodeState.ABSENT: "node_away",
    NodeState.LOCKED: "node_locked",
    NodeState.STARTING: "node_starting",
}


class InProcessNode:
    """`ports.node.Node` on a simulator in this process. `core.state` and `core.quirks` make it fail as LND does."""

    def __init__(self, core: Simulator, *, node_id: str = "lnd") -> None:
        self.node_id = node_id
        self._core = core

    async def add_invoice(self, preimage: bytes, *, amount_msat: Msat, memo: str, expiry_seconds: int) -> IssuedInvoice:
        """As in the Protocol; `lose_answers` and `break_answers` raise `OutcomeUnknown` after the work is done."""
        check_ready(self._core)
        try:
            row = self._core.add_invoice(
                preimage=preimage, amount_msat=amount_msat, memo=memo, expiry_seconds=expiry_seconds
            )
        except CallRefused as refusal:
            if "already exists" not in refusal.details:
                raise Unavailable("node_refused", refusal.details) from refusal
            row = self._core.lookup(hashlib.sha256(preimage).digest())
        quirks = self._core.quirks
        if quirks.lose_answers or quirks.break_answers:
            quirks.lose_answers = max(0, quirks.lose_answers - 1)
            quirks.break_answers = max(0, quirks.break_answers - 1)
            raise OutcomeUnknown("node_outcome_unknown", "the node did not answer in time")
        return IssuedInvoice(
            payment_hash=row.payment_hash.hex(), payment_request=row.payment_request, add_index=row.add_index
        )

    async def lookup(self, payment_hash: str) -> NodeInvoice | None:
        """As in the Protocol."""
        row = self._find(payment_hash)
        return self._translate(row) if row is not None and _is_ours(row) else None

    async def list_invoices(self, *, after_add_index: int, limit: int) -> Sequence[NodeInvoice]:
        """As in the Protocol; a page of nothing but keysend and AMP invoices is skipped."""
        check_ready(self._core)
        while rows := self._core.list_invoices(index_offset=after_add_index, limit=limit):
            if ours := [self._translate(row) for row in rows if _is_ours(row)]:
                return ours
            after_add_index = rows[-1].add_index
        return []

    async def subscribe(self) -> AsyncGenerator[NodeInvoice]:
        """As in the Protocol; raises `Unavailable` when the core restarts."""
        check_ready(self._core)
        changed = asyncio.Event()
        subscription = self._core.subscribe(add_index=0, settle_index=0, wake=changed.set)
        try:
            while not subscription.broken:
                changed.clear()
                while (row := subscription.take()) is not None:
                    if _is_ours(row):
                        yield self._translate(row)
                await changed.wait()
        finally:
            self._core.unsubscribe(subscription)
        raise Unavailable("node_away", "the node broke off its stream of invoices")

    async def preimage(self, payment_hash: str) -> str | None:
        """As in the Protocol."""
        row = self._find(payment_hash)
        return row.preimage.hex() if row is not None and row.state is NodeInvoiceState.SETTLED else None

    async def cancel(self, payment_hash: str) -> None:
        """As in the Protocol."""
        row = self._find(payment_hash)
        if row is not None and row.state is not NodeInvoiceState.SETTLED:
            self._core.cancel(row.payment_hash)

    async def status(self) -> NodeStatus:
        """As in the Protocol."""
        status = self._core.status()
        if status.state in _CODES:
            return NodeStatus(state=status.state, detail=f"the simulated node is {status.state}")
        return replace(status, detail=f"the simulated node is {status.state}")

    async def liquidity(self) -> ChannelLiquidity:
        """As in the Protocol."""
        check_ready(self._core)
        return self._core.liquidity()

    def _find(self, payment_hash: str) -> SimulatedInvoice | None:
        check_ready(self._core)
        try:
            return self._core.lookup(bytes.fromhex(payment_hash))
        except CallRefused:
            return None

    def _translate(self, row: SimulatedInvoice) -> NodeInvoice:
        return NodeInvoice(
            payment_hash=row.payment_hash.hex(),
            add_index=row.add_index,
            settle_index=row.settle_index,
            state=row.state,
            paid_msat=Msat(0 if self._core.quirks.hide_paid_amount else row.paid_msat),
            settled_at=row.settled_at,
            memo=row.memo,
        )


def check_ready(core: Simulator) -> None:
    """Raise `Unavailable` while the node is away, locked or starting."""
    try:
        core.check_ready()
    except CallRefused as refusal:
        raise Unavailable(_CODES[core.state], refusal.details, retry_after_seconds=5) from refusal


def _is_ours(row: SimulatedInvoice) -> bool:
    return not (row.is_keysend or row.is_amp)
