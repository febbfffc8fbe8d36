"""The port for an LND node.

Instants are whole seconds since 1970, UTC; amounts are msat; hashes are lower-case hex.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from gateway.money import Msat


class NodeInvoiceState(StrEnum):
    """LND's four invoice states. A hold invoice that was paid is ACCEPTED: the money is not ours yet."""

    OPEN = "open"
    SETTLED = "settled"
    CANCELED = "canceled"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedInvoice:
    """LND's answer to AddInvoice."""

    payment_hash: str
    payment_request: str
    add_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeInvoice:
    """An invoice as LND reports it, without its preimage."""

    payment_hash: str
    add_index: int
    settle_index: int
    state: NodeInvoiceState
    paid_msat: Msat
    settled_at: int
    memo: str = ""


class NodeState(StrEnum):
    """Whether a node can be asked. LOCKED waits for its wallet password; STARTING and SYNCING become READY."""

    ABSENT = "absent"
    LOCKED = "locked"
    STARTING = "starting"
    SYNCING = "syncing"
    READY = "ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """A node's status; the fields after `detail` are known once it is syncing or ready."""

    state: NodeState
    detail: str
    identity_pubkey: str = ""
    alias: str = ""
    version: str = ""
    network: str = ""
    block_height: int = 0
    best_header_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelLiquidity:
    """The amounts that a node's open channels can receive and send."""

    inbound_msat: Msat
    outbound_msat: Msat


class Node(Protocol):
    """One LND node. Every call has a deadline.

    Raises `Unavailable` (`node_away`, `node_locked`, `node_starting`, `node_refused`) if the node refused or did not
    answer, and `OutcomeUnknown` if it may have done what was asked.
    """

    node_id: str

    async def add_invoice(self, preimage: bytes, *, amount_msat: Msat, memo: str, expiry_seconds: int) -> IssuedInvoice:
        """Issue an invoice; a second call with the same preimage returns the same invoice."""

    async def lookup(self, payment_hash: str) -> NodeInvoice | None:
        """The invoice as LND has it now; None if it has none."""

    async def list_invoices(self, *, after_add_index: int, limit: int) -> Sequence[NodeInvoice]:
        """At most `limit` (500) invoices with a higher add_index, in add order; empty at the end."""

    def subscribe(self) -> AsyncGenerator[NodeInvoice]:
        """Live OPEN and SETTLED events (add_index 0, settle_index 0), perhaps repeated; raises when it breaks."""

    async def preimage(self, payment_hash: str) -> str | None:
        """The preimage (hex) of a settled invoice; None before settlement."""

    async def cancel(self, payment_hash: str) -> None:
        """Cancel an open invoice; a settled one stays settled."""

    async def status(self) -> NodeStatus:
        """The node's status; ABSENT, and not an error, if it is away."""

    async def liquidity(self) -> ChannelLiquidity:
        """The sums over its open channels."""
