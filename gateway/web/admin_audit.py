"""The operator's look at the books against LND, and what to do with settlements that a restored backup lacks."""

from collections.abc import Sequence

from aiohttp import web

from gateway.audit import Finding, audit_node, book_to_suspense
from gateway.node import KnownNode
from gateway.web.admin import authenticate
from gateway.web.bodies import AuditBody, FindingBody, SuspenseBody, SuspenseRequest, answer, read_body, rfc3339
from gateway.web.gateway import gateway_of


async def audit_books(request: web.Request) -> web.Response:
    """GET /v1/admin/audit: the operator's; takes a second for some thousands of invoices."""
    gateway = gateway_of(request)
    authenticate(request).must_operate()
    await KnownNode(gateway.node, gateway.store).confirm()
    found = await audit_node(gateway.node, gateway.store, now=gateway.now())
    return answer(
        AuditBody(
            credited_msat=found.credited_msat,
            received_msat=found.received_msat,
            findings=_bodies(found.findings),
            lacking=_bodies(found.lacking),
        )
    )


async def book_lacking(request: web.Request) -> web.Response:
    """POST /v1/admin/suspense: the operator's; books one settlement, once."""
    gateway = gateway_of(request)
    authenticate(request).must_operate()
    wanted = await read_body(request, SuspenseRequest)
    await KnownNode(gateway.node, gateway.store).confirm()
    invoice = await book_to_suspense(gateway.settler, gateway.store, wanted.payment_hash)
    return answer(
        SuspenseBody(
            payment_hash=invoice.payment_hash,
            paid_msat=invoice.paid_msat or 0,
            settled_at=rfc3339(invoice.settled_at or 0),
        ),
        status=201,
    )


def _bodies(findings: Sequence[Finding]) -> list[FindingBody]:
    return [
        FindingBody(
            difference=finding.difference.value,
            payment_hash=finding.payment_hash,
            amount_msat=finding.amount_msat,
            settled_at=rfc3339(finding.settled_at),
            memo=finding.memo,
        )
        for finding in findings
    ]
