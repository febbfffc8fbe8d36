"""The audit: compares the books with a node, payment by payment and to the millisatoshi. Changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.nodes.pool import ServingNode
from gateway.ports.node import Node, NodeInvoice, NodeInvoiceState
from gateway.ports.store import Store
from gateway.rows import Invoice, InvoiceState

PAGE = 500
# A payment that settled just now may be on its way into its row; one dated further ahead than clocks go wrong is not.
SETTLED_BEFORE_SECONDS, MOST_AHEAD_SECONDS = 60, 300


class Difference(StrEnum):
    """The ways in which books and node can differ about a payment."""

    UNCREDITED = "uncredited"
    """Settled at the node; our row is not."""
    UNPAID = "unpaid"
    """Credited here; the node does not say that it is settled."""
    AMOUNT = "amount"
    """Credited with another amount than the node received."""
    LACKING = "lacking"
    """Settled at the node and without a row here: another application's, or lost in a restore."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """One payment about which books and node differ."""

    difference: Difference
    payment_hash: str
    amount_msat: int
    settled_at: int
    memo: str


@dataclass(slots=True, kw_only=True)
class Reconciliation:
    """The sums that were compared, and every difference.

    `lacking` may be payments of other applications, so it is no error by itself. `pending` settled within the last
    minute and may be on its way into the books: it is not compared yet.
    """

    credited_msat: int = 0
    received_msat: int = 0
    discrepancies: list[Discrepancy] = field(default_factory=list)
    lacking: list[Discrepancy] = field(default_factory=list)
    pending: list[Discrepancy] = field(default_factory=list, compare=False)

    def lost(self, public_host: str) -> int:
        """The number of `lacking` payments with the memo of this gateway's invoices: they were lost in a restore."""
        return sum(discrepancy.memo.endswith(f"· {public_host}") for discrepancy in self.lacking)


async def reconcile_node(serving: ServingNode, store: Store, *, now: int) -> Reconciliation:
    """Confirm a node's identity, then `reconcile`. Raises `Unavailable`."""
    await serving.pinned.confirm_again()
    return await reconcile(serving.node, store, now=now)


async def reconcile(node: Node, store: Store, *, now: int) -> Reconciliation:
    """Compare every payment of a node with the books; each difference is looked up again before it counts.

    Reads only, and page by page: safe on a running gateway. Raises `Unavailable`.
    """
    recent = range(now - SETTLED_BEFORE_SECONDS + 1, now + MOST_AHEAD_SECONDS + 1)
    found, credited_there, after = Reconciliation(), 0, 0
    agreed: set[str] = set()
    while page := await node.list_invoices(after_add_index=after, limit=PAGE):
        after = max(after + 1, page[-1].add_index)
        settled = [report for report in page if _is_settled(report)]
        rows = await _rows(store, [report.payment_hash for report in settled])
        for report in settled:
            discrepancy = _compare(node.node_id, rows.get(report.payment_hash), report)
            # A row is written before anybody can pay its invoice, so a second look would not find one either.
            if discrepancy is not None and discrepancy.difference is not Difference.LACKING:
                discrepancy = await _compare_again(node, store, report.payment_hash)
            if discrepancy is not None and _is_pending(discrepancy, recent):
                found.pending.append(discrepancy)
                continue
            if discrepancy is None or discrepancy.difference is not Difference.LACKING:
                found.received_msat += report.paid_msat
            if discrepancy is None or discrepancy.difference is Difference.AMOUNT:
                agreed.update([report.payment_hash] if report.settled_at in recent else ())
                credited_there += report.settled_at not in recent
            _note(found, discrepancy)
    credited, found.credited_msat = await store.read(lambda tx: tx.invoices.credited(node.node_id, besides=recent))
    if credited != credited_there:
        await _find_unpaid(node, store, found, recent)
    await _compare_recent(node, store, found, recent, agreed)
    return found


async def _find_unpaid(node: Node, store: Store, found: Reconciliation, recent: range) -> None:
    """Look each credited payment up, as the node has settled fewer, or others, than the books have credited."""
    noted = {discrepancy.payment_hash for discrepancy in found.discrepancies}
    after = 0
    while page := await store.read(lambda tx, a=after: tx.events.payments(after_position=a, limit=PAGE, creator=None)):  # type: ignore[misc]  # bound in the loop
        after = page[-1].position
        for invoice in (payment.invoice for payment in page):
            if invoice.node_id == node.node_id and invoice.settled_at not in recent:
                discrepancy = await _compare_again(node, store, invoice.payment_hash)
                if discrepancy is not None and discrepancy.payment_hash not in noted:
                    _note(found, discrepancy)


async def _compare_recent(node: Node, store: Store, found: Reconciliation, recent: range, agreed: set[str]) -> None:
    """Compare what was credited of late; payments that the node's list did not have yet are looked up."""
    credits_ = await store.read(lambda tx: tx.invoices.credits_of(node.node_id, within=recent))
    for payment_hash, paid_msat in credits_.items():
        found.credited_msat += paid_msat
        if payment_hash in agreed:
            continue
        discrepancy = await _compare_again(node, store, payment_hash)
        if discrepancy is None:
            found.received_msat += paid_msat
        elif payment_hash not in {noted.payment_hash for noted in found.discrepancies}:
            found.received_msat += discrepancy.amount_msat if discrepancy.difference is Difference.AMOUNT else 0
            _note(found, discrepancy)


def _is_pending(discrepancy: Discrepancy, recent: range) -> bool:
    return discrepancy.difference is Difference.UNCREDITED and discrepancy.settled_at in recent


async def _compare_again(node: Node, store: Store, payment_hash: str) -> Discrepancy | None:
    """Compare one payment anew. The node is asked first: what it has not settled now was not credited before."""
    report = await node.lookup(payment_hash)
    row = (await _rows(store, [payment_hash])).get(payment_hash)
    if report is not None and _is_settled(report):
        return _compare(node.node_id, row, report)
    if row is None or row.state is not InvoiceState.SETTLED:
        return None
    return Discrepancy(
        difference=Difference.UNPAID,
        payment_hash=payment_hash,
        amount_msat=row.paid_msat or 0,
        settled_at=row.settled_at or 0,
        memo="",
    )


def _compare(node_id: str, row: Invoice | None, report: NodeInvoice) -> Discrepancy | None:
    if row is None or row.node_id != node_id:
        difference = Difference.LACKING
    elif row.state is not InvoiceState.SETTLED:
        difference = Difference.UNCREDITED
    elif row.paid_msat != report.paid_msat:
        difference = Difference.AMOUNT
    else:
        return None
    return Discrepancy(
        difference=difference,
        payment_hash=report.payment_hash,
        amount_msat=report.paid_msat,
        settled_at=report.settled_at,
        memo=report.memo,
    )


def _note(found: Reconciliation, discrepancy: Discrepancy | None) -> None:
    if discrepancy is not None:
        (found.lacking if discrepancy.difference is Difference.LACKING else found.discrepancies).append(discrepancy)


def _is_settled(report: NodeInvoice) -> bool:
    return report.state is NodeInvoiceState.SETTLED


async def _rows(store: Store, payment_hashes: Sequence[str]) -> dict[str, Invoice]:
    rows = await store.read(lambda tx: tx.invoices.get_many(payment_hashes))
    return {row.payment_hash: row for row in rows}
