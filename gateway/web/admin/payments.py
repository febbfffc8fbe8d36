"""Payments and balances under /v1/admin: a creator's own, or all for the operator."""

from collections.abc import Sequence

from aiohttp import web

from gateway.access.receipts import shares_of
from gateway.books import payments
from gateway.books.payments import CreatorBalance
from gateway.books.receipt_numbers import receipt_number
from gateway.catalog.catalog import Catalog
from gateway.rows import Payment, Transfer, rfc3339
from gateway.web.admin.bodies import BalanceBody, PaymentBody
from gateway.web.admin.callers import authenticate
from gateway.web.admin.destinations import destination_body
from gateway.web.admin.queries import whole_number
from gateway.web.http.application import gateway_of
from gateway.web.http.bodies import answer

MOST_PAYMENTS = 500


async def list_payments(request: web.Request) -> web.Response:
    """GET /v1/admin/payments?after=&limit=: in the order in which they were booked; `?number=`: that of a receipt."""
    gateway = gateway_of(request)
    caller = await authenticate(request)
    after = whole_number(request, "after", default=0, most=2**62)
    limit = whole_number(request, "limit", default=100, most=MOST_PAYMENTS)
    number = request.query.get("number")
    if number is None:
        found = await payments.list_payments(gateway.store, after_position=after, limit=limit, creator=caller.creator)
    else:
        found = await payments.find_payments(gateway.store, number, creator=caller.creator)
    return answer([_payment_body(gateway.catalog, payment, transfers) for payment, transfers in found])


async def list_balances(request: web.Request) -> web.Response:
    """GET /v1/admin/balances."""
    gateway = gateway_of(request)
    caller = await authenticate(request)
    balances = await payments.list_balances(gateway.store, creator=caller.creator)
    return answer([_balance_body(balance, now=gateway.now()) for balance in balances])


def _balance_body(balance: CreatorBalance, *, now: int) -> BalanceBody:
    destination = None if balance.destination is None else destination_body(balance.destination, now=now)
    return BalanceBody(
        creator=balance.creator,
        balance_msat=balance.balance_msat,
        on_its_way_msat=balance.on_its_way_msat,
        destination="" if destination is None else destination.address,
        next_destination=None if destination is None else destination.next_address,
        next_destination_at=None if destination is None else destination.next_at,
    )


def _payment_body(catalog: Catalog, payment: Payment, transfers: Sequence[Transfer]) -> PaymentBody:
    invoice = payment.invoice
    return PaymentBody(
        position=payment.position,
        number=receipt_number(invoice.payment_hash, invoice.settled_at or 0),
        payment_hash=invoice.payment_hash,
        item_id=invoice.item_id,
        tip_to=invoice.tip_to,
        paid_msat=invoice.paid_msat or 0,
        settled_at=rfc3339(invoice.settled_at or 0),
        shares=shares_of(catalog, transfers),
        message="" if payment.note is None else payment.note.message,
        name="" if payment.note is None else payment.note.name,
    )
