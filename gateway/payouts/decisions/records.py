"""Payments that the operator made by hand: booked once, as the node says if it was one of ours."""

from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256

from gateway.books.ledger import OPERATOR_ACCOUNT, creator_account, node_account, refund_account
from gateway.books.payout_transfers import pay, reserve
from gateway.errors import Conflict, Invalid, Unavailable
from gateway.money import MSAT_PER_SAT, Msat
from gateway.payouts.claims import begin_claim, claim_paid, refund_not_found, require_offered
from gateway.payouts.destination_invoice import require_new_hash
from gateway.payouts.outcomes import cancel_unsent
from gateway.payouts.payers import PayingNodes
from gateway.payouts.reservations import lock_accounts
from gateway.ports.clock import Clock
from gateway.ports.payer import PaymentReport, PaymentState
from gateway.ports.random_bytes import RandomBytes
from gateway.ports.store import Store, Tx
from gateway.rows.payouts import Asker, Payout, PayoutState, Refund, RefundState, Try, TryState

ID_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A payment made by hand: to a `creator`, or the refund of the payment `refund_of`, which is of a known amount.

    `node_id` is None if no node of ours made it. Without `fee_msat` it is what the node says, else 0.
    """

    creator: str | None = None
    refund_of: str | None = None
    amount_msat: int | None = None
    fee_msat: int | None = None
    payment_hash: str | None = None
    node_id: str | None = None
    note: str = ""


class PayoutRecords:
    """Books what was paid by hand. Nothing is sent."""

    def __init__(self, nodes: PayingNodes, store: Store, clock: Clock, random_bytes: RandomBytes) -> None:
        self._nodes, self._store, self._clock, self._random_bytes = nodes, store, clock, random_bytes

    async def record(self, recorded: Recorded) -> Payout:
        """Book a payment, once.

        Raises `Invalid` (`record_unclear`, `amount_invalid`, `fee_invalid`, `record_unproven`), `NotFound`
        (`refund_not_found`), `Conflict` (`record_differs`, `invoice_ours`, `invoice_used`, `recorded_before`,
        `balance_too_low`, `refund_claimed`, `refund_claiming`, `refund_expired`), `Unavailable` (`payer_silent`).
        """
        _check(recorded)
        said = await self._said(recorded)
        if said is not None and recorded.fee_msat is None:
            recorded = replace(recorded, fee_msat=said.fee_msat)
        payout_id, now = self._random_bytes(ID_BYTES).hex(), int(self._clock())
        return await self._store.write(partial(_record, recorded=recorded, said=said, payout_id=payout_id, now=now))

    async def _said(self, recorded: Recorded) -> PaymentReport | None:
        """What the node says that is said to have paid; None if it is none of ours, or no longer configured."""
        if recorded.node_id is None or recorded.payment_hash is None:
            return None
        report = await self._nodes.report(recorded.node_id, recorded.payment_hash)
        if report is not None and report.state is PaymentState.UNKNOWN:
            raise Unavailable("payer_silent", f"{recorded.node_id} did not say what it paid: {report.reason}")
        return report


def _check(recorded: Recorded) -> None:
    is_refund = recorded.refund_of is not None
    if is_refund in {recorded.creator is not None, recorded.amount_msat is not None}:
        raise Invalid("record_unclear", "Name a creator and an amount, or else the payment that was refunded.")
    amount_msat, fee_msat = recorded.amount_msat, recorded.fee_msat or 0
    if fee_msat < 0 or (amount_msat is not None and (amount_msat <= 0 or amount_msat % MSAT_PER_SAT)):
        raise Invalid("amount_invalid", "A payout is of whole sat, at least 1, and its fee is not negative.")
    if not recorded.payment_hash and not recorded.note.strip():
        raise Invalid("record_unproven", "Give the payment hash, or a note that says how it was paid.")


def _record(tx: Tx, *, recorded: Recorded, said: PaymentReport | None, payout_id: str, now: int) -> Payout:
    account = creator_account(recorded.creator or "")
    refund = None
    if recorded.refund_of is not None:
        account = refund_account(recorded.refund_of)
    lock_accounts(tx, account)
    if recorded.refund_of is not None:
        refund = _lock_refund(tx, recorded.refund_of, now=now)
    payout = _payout(recorded, account, refund, payout_id=payout_id, now=now)
    _check_payment(tx, recorded, said, payout)
    if tx.ledger.balance_msat(account) < payout.amount_msat + payout.fee_limit_msat:
        raise Conflict("balance_too_low", f"{account} holds less than amount and fee; the books would owe.")
    if not tx.payouts.insert(payout):
        raise Conflict("recorded_before", "A payment with this hash or note was recorded before.")
    if refund is not None:
        begin_claim(tx, refund, payout)
    try_ = _try(payout, recorded, now=now)
    tx.tries.insert(try_)
    to_account = node_account(recorded.node_id) if recorded.node_id else OPERATOR_ACCOUNT
    tx.ledger.post([*reserve(try_), *pay(try_, fee_msat=payout.fee_limit_msat, to_account=to_account, now=now)])
    if refund is not None:
        claim_paid(tx, payout, now=now)
    return payout


def _lock_refund(tx: Tx, payment_hash: str, *, now: int) -> Refund:
    """The refund, offered and locked; a claim of which nothing was sent ends for it."""
    refund = tx.refunds.lock(payment_hash)
    if refund is not None and refund.state is RefundState.CLAIMING:
        claim = tx.payouts.lock(refund.payout_id or "")
        assert claim is not None, "a refund that is claimed has a claim"
        cancel_unsent(tx, claim, now=now)
        refund = tx.refunds.lock(payment_hash)
    if refund is None:
        raise refund_not_found()
    require_offered(refund, now=now)
    return refund


def _payout(recorded: Recorded, account: str, refund: Refund | None, *, payout_id: str, now: int) -> Payout:
    once = f"record:{account}:{recorded.payment_hash or recorded.note.strip()}"
    amount_msat = recorded.amount_msat if refund is None else refund.amount_msat
    fee_msat = recorded.fee_msat or 0
    assert amount_msat is not None, "it is checked above"
    if refund is not None and fee_msat > refund.fee_limit_msat:
        raise Invalid("fee_invalid", f"The fee of this refund is at most {refund.fee_limit_msat} msat.")
    return Payout(
        payout_id=payout_id,
        source_account=account,
        amount_msat=Msat(amount_msat),
        fee_limit_msat=Msat(fee_msat),
        destination="",
        asked_by=Asker.OPERATOR if refund is None else Asker.PAYER,
        idempotency_hash=sha256(once.encode()).hexdigest(),
        state=PayoutState.SUCCEEDED,
        created_at=now,
        ended_at=now,
    )


def _check_payment(tx: Tx, recorded: Recorded, said: PaymentReport | None, payout: Payout) -> None:
    """Refuse a payment that is ours or in the books already, or of which its node says something else."""
    if recorded.payment_hash:
        require_new_hash(tx, recorded.payment_hash)
    if said is None:
        return
    paid = (said.amount_msat, said.fee_msat)
    if said.state is not PaymentState.SUCCEEDED:
        raise Conflict("record_differs", f"{recorded.node_id} says that this payment is {said.state}.")
    if paid != (payout.amount_msat, payout.fee_limit_msat):
        raise Conflict(
            "record_differs",
            f"{recorded.node_id} says that it paid {said.amount_msat} msat with a fee of {said.fee_msat}.",
        )


def _try(payout: Payout, recorded: Recorded, *, now: int) -> Try:
    return Try(
        payout_id=payout.payout_id,
        n=0,
        state=TryState.SUCCEEDED,
        source_account=payout.source_account,
        amount_msat=payout.amount_msat,
        fee_limit_msat=payout.fee_limit_msat,
        reserved_at=now,
        payment_hash=recorded.payment_hash,
        node_id=recorded.node_id,
        ended_at=now,
        fee_msat=payout.fee_limit_msat,
        resolved_note=recorded.note.strip() or "recorded",
    )
