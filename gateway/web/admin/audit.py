"""Audits under /v1/admin: compare the books with a node, and book settlements that are not in the books."""

from collections.abc import Sequence

from aiohttp import web

from gateway.rows import rfc3339
from gateway.settlement.reconcile import SETTLED_BEFORE_SECONDS, Discrepancy, reconcile_node
from gateway.settlement.suspense import book_to_suspense
from gateway.web.admin.bodies import AuditBody, FindingBody, SuspenseBody, SuspenseRequest
from gateway.web.admin.callers import authenticate
from gateway.web.http.application import gateway_of
from gateway.web.http.bodies import answer, read_body

# A forged date may be one that no calendar has.
_LAST_INSTANT = 253_402_300_799


async def audit_books(request: web.Request) -> web.Response:
    """GET /v1/admin/nodes/{node_id}/audit: the operator's; takes a second for some thousands of invoices."""
    gateway = gateway_of(request)
    (await authenticate(request)).must_operate()
    serving = gateway.nodes.find(request.match_info["node_id"])
    found = await reconcile_node(serving, gateway.store, now=gateway.now())
    return answer(
        AuditBody(
            credited_msat=found.credited_msat,
            received_msat=found.received_msat,
            findings=_bodies(found.discrepancies),
            lacking=_bodies(found.lacking),
            lost=found.lost(gateway.config.public_host),
            pending=_bodies(found.pending),
            compare_again_at=rfc3339(gateway.now() + SETTLED_BEFORE_SECONDS) if found.pending else None,
        )
    )


async def book_lacking(request: web.Request) -> web.Response:
    """POST /v1/admin/suspense: the operator's; books one settlement, once."""
    gateway = gateway_of(request)
    (await authenticate(request)).must_operate()
    wanted = await read_body(request, SuspenseRequest)
    invoice = await book_to_suspense(gateway.nodes, gateway.settlers, gateway.store, wanted.payment_hash)
    return answer(
        SuspenseBody(
            payment_hash=invoice.payment_hash,
            item_id=invoice.item_id,
            tip_to=invoice.tip_to,
            paid_msat=invoice.paid_msat or 0,
            settled_at=rfc3339(invoice.settled_at or 0),
        ),
        status=201,
    )


def _bodies(discrepancies: Sequence[Discrepancy]) -> list[FindingBody]:
    return [
        FindingBody(
            difference=discrepancy.difference.value,
            payment_hash=discrepancy.payment_hash,
            amount_msat=discrepancy.amount_msat,
            settled_at=rfc3339(max(0, min(discrepancy.settled_at, _LAST_INSTANT))),
            memo=discrepancy.memo,
        )
        for discrepancy in discrepancies
    ]
