"""Payments and balances under /v1/admin: a creator's own, or all for the operator."""

from collections.abc import Sequence

from aiohttp import web

from gateway.access.receipts import shares_of
from gateway.books import payments
from gateway.catalog.catalog import Catalog
from gateway.errors import Invalid
from gateway.rows import Payment, Transfer, rfc3339
from gateway.web.admin.bodies import BalanceBody, PaymentBody
from gateway.web.admin.callers import authenticate
from gateway.web.http.application import gateway_of
from gateway.web.http.bodies import answer

MOST_PAYMENTS = 500


async def list_payments(request: web.Request) -> web.Response:
    """GET /v1/admin/payments?after=&limit=: in the order in which they were booked."""
    gateway = gateway_of(request)
    caller = await authenticate(request)
    after = _whole_number(request, "after", default=0, most=2**62)
    limit = _whole_number(request, "limit", default=100, most=MOST_PAYMENTS)
    found = await payments.list_payments(gateway.store, after_position=after, limit=limit, creator=caller.creator)
    return answer([_payment_body(gateway.catalog, payment, transfers) for payment, transfers in found])


async def list_balances(request: web.Request) -> web.Response:
    """GET /v1/admin/balances."""
    gateway = gateway_of(request)
    caller = await authenticate(request)
    balances = await payments.list_balances(gateway.store, creator=caller.creator)
    return answer([BalanceBody(creator=creator, balance_msat=balance_msat) for creator, balance_msat in balances])


def _payment_body(catalog: Catalog, payment: Payment, transfers: Sequence[Transfer]) -> PaymentBody:
    invoice = payment.invoice
    return PaymentBody(
        position=payment.position,
        payment_hash=invoice.payment_hash,
        item_id=invoice.item_id,
        tip_to=invoice.tip_to,
        paid_msat=invoice.paid_msat or 0,
        settled_at=rfc3339(invoice.settled_at or 0),
        shares=shares_of(catalog, transfers),
        message="" if payment.note is None else payment.note.message,
        name="" if payment.note is None else payment.note.name,
    )


def _whole_number(request: web.Request, name: str, *, default: int, most: int) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal()) or len(text) > 19 or int(text) > most:
        raise Invalid("query_invalid", f"{name} must be a whole number up to {most}.")
    return int(text)
