"""The port for a node that pays: what `Node` is for invoices, with a macaroon that can spend.

Instants are whole seconds since 1970, UTC; amounts are msat; hashes are lower-case hex.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from gateway.money import Msat


class PaymentState(StrEnum):
    """What is known of an outgoing payment. Whatever LND says that we do not know is PENDING.

    UNKNOWN: the node did not answer, or not with a state; the payment may have been made. MISSING: the node says that
    it has no such payment, which is no proof that it will never be made. UNKNOWN and MISSING are never a failure.
    """

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentReport:
    """A node's answer about one outgoing payment; amounts are set once it succeeded, `reason` once it failed.

    `reason` is a code in lower case, such as `no_route`, `timeout`, `insufficient_balance`; for UNKNOWN, what happened.
    PENDING has one, `unnamed_6`, if the node says that the payment failed, for a reason that we do not know.
    """

    payment_hash: str
    state: PaymentState
    amount_msat: Msat | None = None
    fee_msat: Msat | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentPayment:
    """A payment in a node's list of outgoing payments, oldest first; `index` grows."""

    index: int
    created_at: int
    report: PaymentReport


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedInvoice:
    """A BOLT 11 invoice as the node reads it (DecodePayReq), so that what is checked is what is paid.

    `amount_msat` is 0 for an invoice without amount. `description_hash` is empty if there is none.
    """

    payment_hash: str
    payee_pubkey: str
    amount_msat: Msat
    created_at: int
    expires_at: int
    description_hash: str


class Payer(Protocol):
    """The right to spend at one LND node. Every call has a deadline of its own, whatever the node does.

    Raises `Unavailable` if the node refused or did not answer. `send` and `track` answer UNKNOWN instead, but for a
    `send` that certainly did not reach the node.
    """

    node_id: str

    async def decode(self, payment_request: str) -> DecodedInvoice:
        """Read an invoice.

        Raises `Invalid` (`invoice_invalid`): no invoice, malformed, of another network, or with two payment hashes.
        """

    async def send(
        self, payment_request: str, *, payment_hash: str, fee_limit_msat: Msat, timeout_seconds: int
    ) -> PaymentReport:
        """SendPaymentV2, until the payment ends or the deadline does (PENDING or UNKNOWN then).

        `payment_hash` is the invoice's, as `decode` read it; an answer about another payment is UNKNOWN. FAILED is the
        node's last word on this call. A payment that the node has already (AlreadyExists) is PENDING. The node tries
        for `timeout_seconds`. Raises ValueError unless fee_limit_msat and timeout_seconds are above 0.
        """

    async def track(self, payment_hash: str) -> PaymentReport:
        """TrackPaymentV2, the state now: MISSING if the node has no such payment."""

    async def list_payments(self, *, after_index: int, limit: int) -> Sequence[SentPayment]:
        """At most `limit` outgoing payments with a higher index, whatever their state; empty at the end."""

    async def identity_pubkey(self) -> str:
        """The node's public key (hex)."""

    async def outbound_msat(self) -> Msat:
        """What its open channels can send."""
