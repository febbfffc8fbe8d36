"""Refunds under /v1/admin: the operator offers one, and lists them."""

from aiohttp import web

from gateway.rows import rfc3339
from gateway.rows.payouts import Refund
from gateway.web.admin.callers import authenticate
from gateway.web.admin.payout_bodies import RefundBody, RefundRequest
from gateway.web.admin.payouts import when
from gateway.web.admin.queries import whole_number
from gateway.web.http.application import gateway_of
from gateway.web.http.bodies import answer, read_body

MOST_REFUNDS = 500


async def create_refund(request: web.Request) -> web.Response:
    """PUT /v1/admin/payments/{payment_hash}/refund; a second one changes nothing."""
    gateway, caller = gateway_of(request), await authenticate(request)
    wanted = await read_body(request, RefundRequest)
    refund = await gateway.payouts.refunds.offer(
        request.match_info["payment_hash"], caller=caller, operator_pays=wanted.operator_pays
    )
    return answer(refund_body(refund))


async def list_refunds(request: web.Request) -> web.Response:
    """GET /v1/admin/refunds?before=&limit=: the newest first."""
    gateway = gateway_of(request)
    (await authenticate(request)).must_operate()
    before = request.query.get("before")
    limit = whole_number(request, "limit", default=100, most=MOST_REFUNDS)
    found = await gateway.store.read(lambda tx: tx.refunds.list(before=before, limit=limit))
    return answer([refund_body(refund) for refund in found])


def refund_body(refund: Refund) -> RefundBody:
    """A refund as the API shows it to the operator: without the secret of its claim."""
    return RefundBody(
        payment_hash=refund.payment_hash,
        state=refund.state.value,
        amount_msat=refund.amount_msat,
        fee_limit_msat=refund.fee_limit_msat,
        operator_pays=refund.covered_by_operator,
        created_at=rfc3339(refund.created_at),
        expires_at=rfc3339(refund.expires_at),
        ended_at=when(refund.ended_at),
    )
