"""The audit of payouts: compares each with what its node says it paid, to the millisatoshi. Changes nothing."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from gateway.ports.payer import Payer, PaymentReport, PaymentState, SentPayment
from gateway.ports.store import Store, Tx
from gateway.rows.payouts import Try, TryState

PAGE = 500


class PayoutDifference(StrEnum):
    """How books and node can differ about an outgoing payment."""

    UNPAID = "unpaid"
    """Booked as paid; the node does not say so."""
    PAID = "paid"
    """Paid by the node; the books gave the money back."""
    AMOUNT = "amount"
    """Paid with another amount or fee than was booked."""
    RESOLVED = "resolved"
    """Ended by the operator's word, as the node knew nothing, and not contradicted since."""
    OPEN = "open"
    """Dispatched, and ended at the node a while ago: it is about to be booked."""
    PENDING = "pending"
    """The books gave the money back, and the node has it under way: it may be paid yet."""
    UNKNOWN = "unknown"
    """The node did not say: it could not be compared."""
    LACKING = "lacking"
    """Paid by the node and without a row here: another application's, or lost in a restore."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutDiscrepancy:
    """One outgoing payment about which books and node differ; `payout_id` is None if the books lack it."""

    difference: PayoutDifference
    payout_id: str | None
    payment_hash: str
    amount_msat: int
    fee_msat: int
    created_at: int


async def reconcile_payouts(payer: Payer, store: Store) -> list[PayoutDiscrepancy]:
    """Compare every dispatched try of a node with the node's word. Raises `Unavailable`."""
    found = []
    async for try_ in _tries(payer.node_id, store):
        assert try_.payment_hash is not None, "a dispatched try has a hash"
        discrepancy = compare(try_, await payer.track(try_.payment_hash))
        if discrepancy is not None:
            found.append(discrepancy)
    return found


async def lacking(payer: Payer, store: Store, *, since: int) -> list[PayoutDiscrepancy]:
    """The payments of a node from an instant on, made or being made, that the books lack. Raises `Unavailable`."""
    found, after = [], 0
    while page := await payer.list_payments(after_index=after, limit=PAGE):
        after = max(after + 1, page[-1].index)
        made = [sent for sent in page if sent.created_at >= since and sent.report.state is not PaymentState.FAILED]
        unknown = await store.read(partial(_unknown, hashes=[sent.report.payment_hash for sent in made]))
        found += [_lacking(sent) for sent in made if sent.report.payment_hash in unknown]
    return found


def compare(try_: Try, report: PaymentReport) -> PayoutDiscrepancy | None:
    """Compare a dispatched try with its node's report; None if they agree."""
    is_paid = report.state is PaymentState.SUCCEEDED
    is_given_back = try_.state in {TryState.FAILED, TryState.RELEASED}
    if is_paid and is_given_back:
        difference = PayoutDifference.PAID
    elif try_.resolved_note is not None and try_.sends:
        difference = PayoutDifference.RESOLVED
    elif report.state is PaymentState.PENDING and is_given_back:
        difference = PayoutDifference.PENDING
    elif report.state is PaymentState.UNKNOWN:
        difference = PayoutDifference.UNKNOWN
    elif try_.state is TryState.SUCCEEDED and not is_paid:
        difference = PayoutDifference.UNPAID
    elif is_paid and try_.state is TryState.DISPATCHED:
        difference = PayoutDifference.OPEN
    elif is_paid and (report.amount_msat, report.fee_msat) != (try_.amount_msat, try_.fee_msat):
        difference = PayoutDifference.AMOUNT
    else:
        return None
    return PayoutDiscrepancy(
        difference=difference,
        payout_id=try_.payout_id,
        payment_hash=report.payment_hash,
        amount_msat=report.amount_msat or try_.amount_msat,
        fee_msat=report.fee_msat or 0,
        created_at=try_.dispatched_at or try_.reserved_at,
    )


async def _tries(node_id: str, store: Store) -> AsyncGenerator[Try]:
    after = ""
    while page := await store.read(lambda tx, a=after: tx.tries.of_node(node_id, after_payment_hash=a, limit=PAGE)):  # type: ignore[misc]  # bound in the loop
        for try_ in page:
            yield try_
        after = page[-1].payment_hash or ""


def _unknown(tx: Tx, *, hashes: Sequence[str]) -> set[str]:
    return {payment_hash for payment_hash in hashes if tx.tries.by_payment_hash(payment_hash) is None}


def _lacking(sent: SentPayment) -> PayoutDiscrepancy:
    return PayoutDiscrepancy(
        difference=PayoutDifference.LACKING,
        payout_id=None,
        payment_hash=sent.report.payment_hash,
        amount_msat=sent.report.amount_msat or 0,
        fee_msat=sent.report.fee_msat or 0,
        created_at=sent.created_at,
    )
