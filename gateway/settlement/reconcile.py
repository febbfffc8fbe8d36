"""The books against their node: what LND has settled is credited, to the millisatoshi, and nothing else is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.ports.node import Node, NodeInvoice, NodeInvoiceState
from gateway.ports.store import Store
from gateway.rows import Invoice, InvoiceState

PAGE = 500
# What has settled just now may be on its way into its row; what is dated further ahead than clocks go wrong is not.
SETTLED_BEFORE_SECONDS, MOST_AHEAD_SECONDS = 60, 300


class Difference(StrEnum):
    """How books and node differ about a payment."""

    UNCREDITED = "uncredited"
    """Settled at the node; our row is not."""
    UNPAID = "unpaid"
    """Credited here; the node does not say that it is settled."""
    AMOUNT = "amount"
    """Credited with another amount than the node received."""
    LACKING = "lacking"
    """Settled at the node, without a row here: another application's, or lost when a backup was restored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One payment about which books and node differ."""

    difference: Difference
    payment_hash: str
    amount_msat: int
    settled_at: int
    memo: str


@dataclass(slots=True, kw_only=True)
class NodeAudit:
    """What was compared, in msat, and where it differs; `lacking` is no error by itself.

    `pending` has settled within the last minute and may be on its way into the books: it is not compared yet.
    """

    credited_msat: int = 0
    received_msat: int = 0
    findings: list[Finding] = field(default_factory=list)
    lacking: list[Finding] = field(default_factory=list)
    pending: list[Finding] = field(default_factory=list, compare=False)


async def audit_node(node: Node, store: Store, *, now: int) -> NodeAudit:
    """Compare every payment; each error is looked up again before it counts.

    Reads only, and page by page: safe on a running gateway. Raises `Unavailable`.
    """
    recent = range(now - SETTLED_BEFORE_SECONDS + 1, now + MOST_AHEAD_SECONDS + 1)
    found, credited_there, after = NodeAudit(), 0, 0
    agreed: set[str] = set()
    while page := await node.list_invoices(after_add_index=after, limit=PAGE):
        after = max(after + 1, page[-1].add_index)
        settled = [report for report in page if _is_settled(report)]
        rows = await _rows(store, [report.payment_hash for report in settled])
        for report in settled:
            finding = _compare(node.node_id, rows.get(report.payment_hash), report)
            # A row is there before anybody can pay it: what lacks one now will lack it then.
            if finding is not None and finding.difference is not Difference.LACKING:
                finding = await _look_again(node, store, report.payment_hash)
            if finding is not None and _is_pending(finding, recent):
                found.pending.append(finding)
                continue
            if finding is None or finding.difference is not Difference.LACKING:
                found.received_msat += report.paid_msat
            if finding is None or finding.difference is Difference.AMOUNT:
                agreed.update([report.payment_hash] if report.settled_at in recent else ())
                credited_there += report.settled_at not in recent
            _note(found, finding)
    credited, found.credited_msat = await store.read(lambda tx: tx.invoices.credited(node.node_id, besides=recent))
    if credited != credited_there:
        await _find_unpaid(node, store, found, recent)
    await _compare_recent(node, store, found, recent, agreed)
    return found


async def _find_unpaid(node: Node, store: Store, found: NodeAudit, recent: range) -> None:
    """What the books have and the node has not: each credited payment is looked up, for their numbers differ."""
    known = {finding.payment_hash for finding in found.findings}
    after = 0
    while page := await store.read(lambda tx, a=after: tx.events.payments(after_position=a, limit=PAGE, creator=None)):  # type: ignore[misc]  # bound in the loop
        after = page[-1].position
        for invoice in (payment.invoice for payment in page):
            if invoice.node_id == node.node_id and invoice.settled_at not in recent:
                finding = await _look_again(node, store, invoice.payment_hash)
                if finding is not None and finding.payment_hash not in known:
                    _note(found, finding)


async def _compare_recent(node: Node, store: Store, found: NodeAudit, recent: range, agreed: set[str]) -> None:
    """What the books have credited of late; what the list did not say yet is looked up."""
    credits_ = await store.read(lambda tx: tx.invoices.credits_of(node.node_id, within=recent))
    for payment_hash, paid_msat in credits_.items():
        found.credited_msat += paid_msat
        if payment_hash in agreed:
            continue
        finding = await _look_again(node, store, payment_hash)
        if finding is None:
            found.received_msat += paid_msat
        elif payment_hash not in {known.payment_hash for known in found.findings}:
            found.received_msat += finding.amount_msat if finding.difference is Difference.AMOUNT else 0
            _note(found, finding)


def _is_pending(finding: Finding, recent: range) -> bool:
    return finding.difference is Difference.UNCREDITED and finding.settled_at in recent


async def _look_again(node: Node, store: Store, payment_hash: str) -> Finding | None:
    """The node first: what it has not settled now cannot have been credited before."""
    report = await node.lookup(payment_hash)
    row = (await _rows(store, [payment_hash])).get(payment_hash)
    if report is not None and _is_settled(report):
        return _compare(node.node_id, row, report)
    if row is None or row.state is not InvoiceState.SETTLED:
        return None
    return Finding(
        difference=Difference.UNPAID,
        payment_hash=payment_hash,
        amount_msat=row.paid_msat or 0,
        settled_at=row.settled_at or 0,
        memo="",
    )


def _compare(node_id: str, row: Invoice | None, report: NodeInvoice) -> Finding | None:
    if row is None or row.node_id != node_id:
        difference = Difference.LACKING
    elif row.state is not InvoiceState.SETTLED:
        difference = Difference.UNCREDITED
    elif row.paid_msat != report.paid_msat:
        difference = Difference.AMOUNT
    else:
        return None
    return Finding(
        difference=difference,
        payment_hash=report.payment_hash,
        amount_msat=report.paid_msat,
        settled_at=report.settled_at,
        memo=report.memo,
    )


def _note(found: NodeAudit, finding: Finding | None) -> None:
    if finding is not None:
        (found.lacking if finding.difference is Difference.LACKING else found.findings).append(finding)


def _is_settled(report: NodeInvoice) -> bool:
    return report.state is NodeInvoiceState.SETTLED


async def _rows(store: Store, payment_hashes: Sequence[str]) -> dict[str, Invoice]:
    rows = await store.read(lambda tx: tx.invoices.get_many(payment_hashes))
    return {row.payment_hash: row for row in rows}
