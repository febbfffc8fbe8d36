"""The simulated node as `ports.Payer` without gRPC, for state machines and simulated days.

Nothing waits: a call that would reach its deadline answers at once as it would then.
"""

from collections.abc import Sequence

from gateway.errors import Invalid
from gateway.money import Msat
from gateway.ports.payer import DecodedInvoice, PaymentReport, PaymentState, SentPayment
from gateway.simulator.core import Simulator
from gateway.simulator.in_process_node import check_ready
from gateway.simulator.payments.payment import FailureReason, PaymentStatus, SimulatedPayment
from gateway.simulator.refusals import CallRefused
from gateway.wire.bolt11.reading import only_payment_hash

_STATES = {
    PaymentStatus.INITIATED: PaymentState.PENDING,
    PaymentStatus.IN_FLIGHT: PaymentState.PENDING,
    PaymentStatus.SUCCEEDED: PaymentState.SUCCEEDED,
    PaymentStatus.FAILED: PaymentState.FAILED,
}


class InProcessPayer:
    """`ports.payer.Payer` on a simulator in this process; `core.payments.plan` says what becomes of a payment."""

    def __init__(self, core: Simulator, *, node_id: str = "lnd") -> None:
        self.node_id = node_id
        self._core = core

    async def decode(self, payment_request: str) -> DecodedInvoice:
        """As in the Protocol."""
        try:
            # As with a real node, which is not asked about what is damaged.
            only_payment_hash(payment_request)
            check_ready(self._core)
            invoice, payee = self._core.payments.decode(payment_request)
        except (ValueError, CallRefused) as refusal:
            raise Invalid("invoice_invalid", f"the node does not read this invoice: {refusal}") from refusal
        return DecodedInvoice(
            payment_hash=invoice.payment_hash.hex(),
            payee_pubkey=payee.hex(),
            amount_msat=Msat(invoice.amount_msat or 0),
            created_at=invoice.created_at,
            expires_at=invoice.expires_at,
            description_hash=invoice.description_hash.hex(),
        )

    async def send(
        self, payment_request: str, *, payment_hash: str, fee_limit_msat: Msat, timeout_seconds: int
    ) -> PaymentReport:
        """As in the Protocol."""
        if fee_limit_msat <= 0 or timeout_seconds <= 0:
            msg = "a payment needs a fee limit and a timeout above 0"
            raise ValueError(msg)
        check_ready(self._core)
        payments = self._core.payments
        try:
            told = payments.send(payment_request, fee_limit_msat=fee_limit_msat)
            return self._report(payment_hash) if told else _unknown(payment_hash, "the node did not answer in time")
        except CallRefused as refusal:
            if refusal.status == "ALREADY_EXISTS":
                return PaymentReport(payment_hash=payment_hash, state=PaymentState.PENDING, reason=refusal.details)
            return _unknown(payment_hash, refusal.details)

    async def track(self, payment_hash: str) -> PaymentReport:
        """As in the Protocol."""
        try:
            self._core.check_ready()
            told = self._core.payments.track(bytes.fromhex(payment_hash))
            return self._report(payment_hash) if told else _unknown(payment_hash, "the node did not answer in time")
        except CallRefused as refusal:
            if refusal.status == "NOT_FOUND":
                return PaymentReport(payment_hash=payment_hash, state=PaymentState.MISSING)
            return _unknown(payment_hash, refusal.details)

    async def list_payments(self, *, after_index: int, limit: int) -> Sequence[SentPayment]:
        """As in the Protocol."""
        check_ready(self._core)
        rows = self._core.payments.page(index_offset=after_index, limit=limit)
        return [SentPayment(index=row.index, created_at=row.created_at, report=_to_report(row)) for row in rows]

    async def identity_pubkey(self) -> str:
        """As in the Protocol."""
        check_ready(self._core)
        return self._core.status().identity_pubkey

    async def outbound_msat(self) -> Msat:
        """As in the Protocol."""
        check_ready(self._core)
        return self._core.liquidity().outbound_msat

    def _report(self, payment_hash: str) -> PaymentReport:
        return _to_report(self._core.payments.lookup(bytes.fromhex(payment_hash)))


def _to_report(row: SimulatedPayment) -> PaymentReport:
    payment_hash, state = row.payment_hash.hex(), _STATES[row.status]
    if state is PaymentState.SUCCEEDED:
        return PaymentReport(
            payment_hash=payment_hash, state=state, amount_msat=Msat(row.amount_msat), fee_msat=Msat(row.fee_msat)
        )
    reason = "" if row.reason is FailureReason.NONE else row.reason.name.lower()
    if row.reason is FailureReason.CANCELED:
        # The gateway's stubs do not name it, and what they do not name is no end.
        state, reason = PaymentState.PENDING, f"unnamed_{row.reason}"
    return PaymentReport(payment_hash=payment_hash, state=state, reason=reason)


def _unknown(payment_hash: str, why: str) -> PaymentReport:
    return PaymentReport(payment_hash=payment_hash, state=PaymentState.UNKNOWN, reason=why)
