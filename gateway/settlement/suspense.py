"""Books settlements that are not in the books, as after the restore of a backup."""

from collections.abc import Mapping

from gateway.errors import Conflict, NotFound, TuppenceError, Unavailable
from gateway.nodes.pool import Nodes
from gateway.ports.node import NodeInvoice, NodeInvoiceState
from gateway.ports.store import Store
from gateway.rows import Invoice, InvoiceState, Origin
from gateway.settlement.settle import Settler


async def book_to_suspense(nodes: Nodes, settlers: Mapping[str, Settler], store: Store, payment_hash: str) -> Invoice:
    """Book a settlement at whichever node reports it; raises as `book_at_node` does.

    `Unavailable` means that no node that answered has it, and that one did not answer.
    """
    refusal: TuppenceError | None = None
    for serving in nodes:
        try:
            await serving.pinned.confirm_again()
            return await book_at_node(settlers[serving.node_id], store, payment_hash)
        except NotFound as missing:
            refusal = refusal or missing
        except Unavailable as away:
            refusal = away
    raise refusal or NotFound("node_not_found", "No node is configured.")


async def book_at_node(settler: Settler, store: Store, payment_hash: str) -> Invoice:
    """Book a settlement of one node; its payer can then open what they bought.

    It is credited to the creators of its sale; without a row of the sale, to the account `suspense`. Raises
    `NotFound` (`settlement_not_found`), `Conflict` (`settlement_booked`, `settlement_elsewhere`) and `Unavailable`.
    """
    report = await settler.node.lookup(payment_hash)
    if report is None or report.state is not NodeInvoiceState.SETTLED or not report.paid_msat:
        raise NotFound("settlement_not_found", "The node has settled no invoice with this payment hash.")
    row = await store.read(lambda tx: tx.invoices.get(payment_hash))
    if row is not None and row.state is InvoiceState.SETTLED and row.origin is not Origin.SUSPENSE:
        raise Conflict(
            "settlement_booked", "The books have this settlement; it is credited to the creators of its sale."
        )
    lost = _row_of(report, settler.node.node_id)
    # A row that is there already stays as it is.
    await store.write(lambda tx: tx.invoices.insert(lost))
    await settler.settle([report])
    booked = await store.read(lambda tx: tx.invoices.get(payment_hash))
    assert booked is not None, "the row was there, or was inserted"
    if booked.state is not InvoiceState.SETTLED:
        raise Conflict("settlement_elsewhere", f"In the books this invoice belongs to another node, {booked.node_id}.")
    return booked


def _row_of(report: NodeInvoice, node_id: str) -> Invoice:
    return Invoice(
        payment_hash=report.payment_hash,
        node_id=node_id,
        add_index=report.add_index,
        payment_request="",
        item_id=None,
        tip_to=None,
        amount_msat=report.paid_msat,
        shares=(),
        access_seconds=None,
        origin=Origin.SUSPENSE,
        idempotency_hash=None,
        state=InvoiceState.OPEN,
        created_at=report.settled_at,
        expires_at=report.settled_at,
    )
