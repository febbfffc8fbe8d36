"""Creators' own view of what they earned: payments in the order of their booking, and balances."""

from collections.abc import Mapping, Sequence
from functools import partial

from aiohttp import web

from gateway.books.ledger import CREATOR_PREFIX, creator_account
from gateway.catalog.catalog import Catalog
from gateway.errors import Invalid
from gateway.ports.store import Tx
from gateway.rows import Payment, Transfer, rfc3339
from gateway.web.admin.bodies import BalanceBody, PaymentBody
from gateway.web.admin.callers import authenticate
from gateway.web.api.bodies import ReceiptShare
from gateway.web.api.receipts import account_title
from gateway.web.http.app_keys import gateway_of
from gateway.web.http.bodies import answer

MOST_PAYMENTS = 500


async def list_payments(request: web.Request) -> web.Response:
    """GET /v1/admin/payments?after=&limit=: in the order in which they were booked."""
    gateway = gateway_of(request)
    caller = await authenticate(request)
    after = _whole_number(request, "after", default=0, most=2**62)
    limit = _whole_number(request, "limit", default=100, most=MOST_PAYMENTS)
    payments, transfers = await gateway.store.read(partial(_payments, after=after, limit=limit, creator=caller.creator))
    return answer(
        [_payment_body(gateway.catalog, payment, transfers[payment.invoice.payment_hash]) for payment in payments]
    )


async def list_balances(request: web.Request) -> web.Response:
    """GET /v1/admin/balances."""
    gateway = gateway_of(request)
    caller = await authenticate(request)
    only = None if caller.creator is None else creator_account(caller.creator)
    balances = await gateway.store.read(lambda tx: tx.ledger.balances())
    return answer(
        [
            BalanceBody(creator=balance.account.removeprefix(CREATOR_PREFIX), balance_msat=balance.balance_msat)
            for balance in balances
            if balance.account.startswith(CREATOR_PREFIX) and only in {None, balance.account}
        ]
    )


def _payments(
    tx: Tx, *, after: int, limit: int, creator: str | None
) -> tuple[Sequence[Payment], Mapping[str, Sequence[Transfer]]]:
    payments = tx.events.payments(after_position=after, limit=limit, creator=creator)
    return payments, tx.ledger.of_payments([payment.invoice.payment_hash for payment in payments])


def _payment_body(catalog: Catalog, payment: Payment, transfers: Sequence[Transfer]) -> PaymentBody:
    invoice = payment.invoice
    parts = [(t.credit_account.removeprefix(CREATOR_PREFIX), int(t.amount_msat)) for t in transfers]
    return PaymentBody(
        position=payment.position,
        payment_hash=invoice.payment_hash,
        item_id=invoice.item_id,
        tip_to=invoice.tip_to,
        paid_msat=invoice.paid_msat or 0,
        settled_at=rfc3339(invoice.settled_at or 0),
        shares=[ReceiptShare(name, account_title(catalog, name), part) for name, part in parts],
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
