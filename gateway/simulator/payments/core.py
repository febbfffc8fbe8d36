"""The simulated node that pays: LND's outgoing payments without I/O, by the plans that a test makes.

Time passes only by the clock: a payment that ends later has ended once the clock says so and anything is asked.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice

from gateway.ports.clock import Clock
from gateway.ports.node import NodeInvoiceState
from gateway.ports.random_bytes import RandomBytes
from gateway.simulator.invoice import PREFIX
from gateway.simulator.payments.network import Network
from gateway.simulator.payments.payment import Answer, FailureReason, PaymentStatus, Plan, SimulatedPayment
from gateway.simulator.refusals import CallRefused, PaymentRefused, already_exists, refuse
from gateway.wire.bolt11.reading import PaymentRequest
from gateway.wire.bolt11.reading import decode as read
from gateway.wire.bolt11.signing import payee_of

# One hop between payer and payee, with the fees of LND's default policy.
BASE_FEE_MSAT, FEE_PPM = 1_000, 1


class Payments:
    """The outgoing payments of a node whose public key is `pubkey`.

    `plan` is asked what becomes of each call of SendPaymentV2, and `track_answer` what each call of TrackPaymentV2
    receives. `report_initiated`: new payments are INITIATED (routerrpc.usestatusinitiated). `repeat_updates`: the
    streams send every update twice. `record` is called with every changed row.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        random_bytes: RandomBytes,
        pubkey: bytes,
        network: Network,
        spendable_msat: Callable[[], int],
        record: Callable[[SimulatedPayment], None],
    ) -> None:
        self.plan: Callable[[], Plan] = Plan
        self.track_answer: Callable[[], Answer] = lambda: Answer.TOLD
        self.report_initiated = self.repeat_updates = False
        self.claimed_msat = 0
        self._clock = clock
        self._random_bytes = random_bytes
        self._pubkey = pubkey
        self._network = network
        self._spendable_msat = spendable_msat
        self._record = record
        self._rows: list[SimulatedPayment | None] = []
        self._indexes: dict[bytes, int] = {}
        self._pending: dict[bytes, SimulatedPayment] = {}
        self._travelling: list[tuple[int, str, int, Plan]] = []
        self._watchers: list[Callable[[], None]] = []

    def __iter__(self) -> Iterator[SimulatedPayment]:
        """Every row, oldest first."""
        self.advance()
        return (row for row in self._rows if row is not None)

    def restore(self, rows: Iterable[SimulatedPayment]) -> None:
        """Restore rows that `record` received in an earlier process; those in flight go on."""
        for row in rows:
            self._place(row)

    # RPCs of LND ------------------------------------------------------------------------------------------------------

    def decode(self, payment_request: str) -> tuple[PaymentRequest, bytes]:
        """DecodePayReq: the invoice, and the public key of its payee."""
        try:
            invoice = read(payment_request)
            payee = payee_of(invoice)
        except ValueError as error:
            raise CallRefused("UNKNOWN", str(error)) from error
        if invoice.prefix != PREFIX:
            raise refuse("invoice not for current active network 'regtest'")
        return invoice, payee

    def send(self, payment_request: str, *, fee_limit_msat: int) -> bool:
        """SendPaymentV2 of an invoice with an amount; False: the caller receives nothing, on a stream that never ends.

        True: the caller is told of the payment, which `lookup` finds. Other answers raise `CallRefused`.
        """
        self.advance()
        plan = self.plan()
        if plan.arrives_after_seconds:
            due_at = self._now + plan.arrives_after_seconds
            self._travelling.append((due_at, payment_request, fee_limit_msat, plan))
            return False
        if plan.is_recorded:
            self._take(payment_request, fee_limit_msat, plan)
            return _is_told(plan.answer)
        return _is_told(Answer.BROKEN if plan.answer is Answer.TOLD else plan.answer)

    def track(self, payment_hash: bytes) -> bool:
        """TrackPaymentV2; True and False as for `send`."""
        if not _is_told(self.track_answer()):
            return False
        self.lookup(payment_hash)
        return True

    def lookup(self, payment_hash: bytes) -> SimulatedPayment:
        """The payment as it stands now."""
        self.advance()
        row = self._get(payment_hash)
        if row is None:
            raise CallRefused("NOT_FOUND", "payment isn't initiated")
        return row

    def page(self, *, index_offset: int, limit: int, include_incomplete: bool = True) -> list[SimulatedPayment]:
        """ListPayments: at most `limit` rows with a higher index, without `include_incomplete` those that succeeded."""
        self.advance()
        rows = (row for row in self._rows[index_offset:] if row is not None)
        return list(islice((row for row in rows if include_incomplete or row.status is PaymentStatus.SUCCEEDED), limit))

    # Time -------------------------------------------------------------------------------------------------------------

    def watch(self, wake: Callable[[], None]) -> None:
        """Call `wake` whenever a payment changes."""
        self._watchers.append(wake)

    def unwatch(self, wake: Callable[[], None]) -> None:
        """Call it no more."""
        self._watchers.remove(wake)

    def advance(self) -> None:
        """Let happen what the clock says has happened: requests arrive, and payments end."""
        arrived = [request for request in self._travelling if request[0] <= self._now]
        for request in arrived:
            self._travelling.remove(request)
            _, payment_request, fee_limit_msat, plan = request
            try:
                self._take(payment_request, fee_limit_msat, plan)
            except CallRefused:
                # Nobody waits for this answer any more.
                continue
        for row in list(self._pending.values()):
            if 0 < row.ends_at <= self._now:
                self._resolve(row)

    @property
    def _now(self) -> int:
        return int(self._clock())

    # ------------------------------------------------------------------------------------------------------------------

    def _take(self, payment_request: str, fee_limit_msat: int, plan: Plan) -> None:
        """The request arrives at the node, which refuses it or pays."""
        invoice, payee = self.decode(payment_request)
        if self._now > invoice.expires_at:
            valid_until = datetime.fromtimestamp(invoice.expires_at, UTC)
            raise refuse(f"invoice expired. Valid until {valid_until:%Y-%m-%d %H:%M:%S} +0000 UTC")
        if not invoice.amount_msat:
            raise refuse("amount must be specified when paying a zero amount invoice")
        if payee == self._pubkey:
            raise refuse("self-payments not allowed")
        earlier = self._get(invoice.payment_hash)
        if earlier is not None and earlier.status is not PaymentStatus.FAILED:
            raise already_exists(earlier.status)
        fee_msat = _fee_msat(invoice.amount_msat) if plan.fee_msat is None else plan.fee_msat
        outcome, ends_after_seconds = plan.outcome, plan.ends_after_seconds
        if invoice.amount_msat > self._spendable_msat():
            outcome, ends_after_seconds = FailureReason.INSUFFICIENT_BALANCE, 0
        elif fee_msat > fee_limit_msat or invoice.amount_msat + fee_msat > self._spendable_msat():
            outcome, ends_after_seconds = FailureReason.NO_ROUTE, 0
        row = self._change(
            SimulatedPayment(
                index=len(self._rows) + 1,
                payment_hash=invoice.payment_hash,
                payment_request=payment_request,
                payee=payee,
                amount_msat=invoice.amount_msat,
                fee_msat=fee_msat,
                created_at=self._now,
                status=PaymentStatus.INITIATED if self.report_initiated else PaymentStatus.IN_FLIGHT,
                ends_at=0 if ends_after_seconds is None else self._now + ends_after_seconds,
                outcome=outcome,
            )
        )
        node = self._network.get(payee)
        if node is not None:
            node.start_payment(row.payment_hash)
        if 0 < row.ends_at <= self._now:
            self._resolve(row)

    def _resolve(self, row: SimulatedPayment) -> None:
        """The HTLC of a payment is resolved; one that the payee holds stays in flight."""
        node = self._network.get(row.payee)
        if row.outcome is not FailureReason.NONE:
            if node is not None:
                node.fail_payment(row.payment_hash)
            self._fail(row, row.outcome)
        elif node is None:
            self._change(replace(row, status=PaymentStatus.SUCCEEDED, preimage=self._random_bytes(32)))
        else:
            payer = self._pubkey.hex()
            try:
                invoice = node.lookup(row.payment_hash)
                if invoice.state is NodeInvoiceState.OPEN:
                    invoice = node.pay(row.payment_hash, amount_msat=row.amount_msat, payer=payer)
            except (CallRefused, PaymentRefused):
                self._fail(row, FailureReason.INCORRECT_PAYMENT_DETAILS)
                return
            if invoice.payer != payer or invoice.state is NodeInvoiceState.CANCELED:
                self._fail(row, FailureReason.INCORRECT_PAYMENT_DETAILS)
            elif invoice.state is NodeInvoiceState.SETTLED:
                self._change(replace(row, status=PaymentStatus.SUCCEEDED, preimage=invoice.preimage))

    def _fail(self, row: SimulatedPayment, reason: FailureReason) -> None:
        self._change(replace(row, status=PaymentStatus.FAILED, reason=reason))

    def _get(self, payment_hash: bytes) -> SimulatedPayment | None:
        index = self._indexes.get(payment_hash)
        return None if index is None else self._rows[index - 1]

    def _change(self, row: SimulatedPayment) -> SimulatedPayment:
        self._place(row)
        self._record(row)
        for wake in self._watchers:
            wake()
        return row

    def _place(self, row: SimulatedPayment) -> None:
        """Replace the row of a payment hash; one that is tried again after it failed gets another index."""
        old = self._get(row.payment_hash)
        if old is not None:
            self._rows[old.index - 1] = None
            self.claimed_msat -= old.claims_msat
        self._rows.extend([None] * (row.index - len(self._rows)))
        self._rows[row.index - 1] = row
        self._indexes[row.payment_hash] = row.index
        self.claimed_msat += row.claims_msat
        self._pending.pop(row.payment_hash, None)
        if row.is_pending:
            self._pending[row.payment_hash] = row


def _fee_msat(amount_msat: int) -> int:
    return BASE_FEE_MSAT + amount_msat * FEE_PPM // 1_000_000


def _is_told(answer: Answer) -> bool:
    """Whether the caller gets an answer, or none; raises `CallRefused` for the other answers."""
    if answer is Answer.BROKEN:
        raise CallRefused("UNAVAILABLE", "error reading from server: EOF")
    if answer is Answer.UNIMPLEMENTED:
        raise CallRefused("UNIMPLEMENTED", "unknown method for service routerrpc.Router")
    if answer is Answer.ALREADY_EXISTS:
        raise already_exists(PaymentStatus.IN_FLIGHT)
    return answer is Answer.TOLD
