"""The API of invoices: create one, read its state, follow it as events, draw its QR code."""

import asyncio
import re
from contextlib import suppress
from functools import partial

import msgspec
from aiohttp import web
from aiohttp_sse import EventSourceResponse, sse_response

from gateway.access.receipts import invoice_not_found
from gateway.app.gateway import Gateway
from gateway.errors import Invalid, NotFound, Unavailable
from gateway.rows import Invoice, Origin, rfc3339
from gateway.sales.checkout import Sold
from gateway.sales.terms import is_too_long, note_fault
from gateway.web.api.bodies import InvoiceBody, TipRequest
from gateway.web.http.application import gateway_of
from gateway.web.http.bodies import answer, read_body, read_bytes
from gateway.web.http.buyer import api_buyer
from gateway.web.http.connections import when_lost
from gateway.web.http.middleware import stream_headers
from gateway.web.http.qr import payment_qr
from gateway.wire.l402.challenge import encode_token

REREAD_SECONDS = 15.0
REREAD_EVERY = web.AppKey("reread_every_seconds", float)
"""How often a stream reads its invoice without being woken, in seconds."""
_FINAL = ("settled", "canceled")
_PAYMENT_HASH = re.compile("[0-9a-f]{64}")


async def create_invoice(request: web.Request) -> web.Response:
    """POST /v1/items/{item_id}/invoices: the buyer's own open invoice, else a new one."""
    gateway = gateway_of(request)
    if request.can_read_body and await read_bytes(request) not in {b"", b"{}"}:
        raise Invalid("body_invalid", "This takes no body: the price is the item's.")
    item = gateway.catalog.item(request.match_info["item_id"])
    creator = gateway.catalog.creator(item.creator)
    sold = await gateway.sales.buy(item, creator, api_buyer(request, item))
    return _answer(gateway, sold)


async def create_tip(request: web.Request) -> web.Response:
    """POST /v1/creators/{name}/tips: an invoice for a tip."""
    gateway = gateway_of(request)
    creator = gateway.catalog.creator(request.match_info["name"])
    tip = await read_body(request, TipRequest)
    if is_too_long(tip.message, tip.name):
        raise Invalid("body_invalid", note_fault(tip.message, tip.name))
    buyer = api_buyer(request, None)
    sold = await gateway.sales.tip(creator, buyer, amount_msat=tip.amount_msat, message=tip.message, name=tip.name)
    return _answer(gateway, sold)


async def read_invoice(request: web.Request) -> web.Response:
    """GET /v1/invoices/{payment_hash}: its state; an open invoice is looked up at the node, at most every 5 s."""
    gateway = gateway_of(request)
    invoice = await gateway.rechecker.try_recheck(await find_invoice(request))
    return answer(invoice_body(gateway, invoice))


async def draw_qr(request: web.Request) -> web.Response:
    """GET /v1/invoices/{payment_hash}/qr.svg: the payment request as a QR code."""
    invoice = await find_invoice(request)
    if not invoice.payment_request:
        raise NotFound("payment_request_purged", "This was paid long ago; its payment request was deleted.")
    headers = {"Cache-Control": "private, max-age=86400, immutable"}
    return web.Response(text=payment_qr(invoice.payment_request), content_type="image/svg+xml", headers=headers)


async def stream_events(request: web.Request) -> web.StreamResponse:
    """GET /v1/invoices/{payment_hash}/events: server-sent events, first the present state, then each new one."""
    gateway = gateway_of(request)
    await find_invoice(request)
    payment_hash = request.match_info["payment_hash"]
    with (
        gateway.hub.waiting(payment_hash) as woken,
        when_lost(request, partial(gateway.hub.leave, payment_hash, woken)),
    ):
        async with sse_response(request, headers=stream_headers() | {"X-Accel-Buffering": "no"}) as stream:
            await _send_states(request, gateway, stream, woken)
    return stream


async def _send_states(
    request: web.Request, gateway: Gateway, stream: EventSourceResponse, woken: asyncio.Event
) -> None:
    sent, every_seconds = "", request.app[REREAD_EVERY]
    # aiohttp does not cancel a handler when its client disconnects, so the loop checks the transport.
    while not gateway.hub.closed and request.transport is not None:
        woken.clear()
        try:
            invoice = gateway.rechecker.as_reported(await find_invoice(request))
        except Unavailable as error:
            # A stream that has begun cannot answer 503, so it waits until the database is back.
            await _wait(woken, error.retry_after_seconds or every_seconds)
            continue
        now = gateway.clock()
        state = invoice.shown_state(now)
        if state != sent:
            await stream.send(msgspec.json.encode(invoice_body(gateway, invoice)).decode(), event=state)
            sent = state
        if state in _FINAL:
            return
        until_expiry = invoice.expires_at - now if state == "open" else every_seconds
        await _wait(woken, min(every_seconds, until_expiry))


async def _wait(woken: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(max(0.05, seconds)):
            await woken.wait()


async def find_invoice(request: web.Request) -> Invoice:
    """The invoice that the request's path names. Raises `NotFound` (`invoice_not_found`)."""
    payment_hash = request.match_info["payment_hash"]
    invoice = None
    if _PAYMENT_HASH.fullmatch(payment_hash):
        invoice = await gateway_of(request).reads.invoice(payment_hash)
    if invoice is None:
        raise invoice_not_found()
    return invoice


def _answer(gateway: Gateway, sold: Sold) -> web.Response:
    body = invoice_body(gateway, sold.invoice)
    body.access_token = encode_token(sold.token)
    return answer(body, status=201)


def invoice_body(gateway: Gateway, invoice: Invoice) -> InvoiceBody:
    """The body of an invoice, without a token.

    An invoice that was booked to suspense names no item or creator. Its token does, so its page is the receipt.
    """
    base = gateway.config.public_url
    page = f"/i/{invoice.item_id}" if invoice.item_id is not None else f"/t/{invoice.tip_to}"
    if invoice.origin is Origin.SUSPENSE:
        page = "/r"
    return InvoiceBody(
        payment_hash=invoice.payment_hash,
        payment_request=invoice.payment_request,
        amount_msat=invoice.amount_msat,
        state=invoice.shown_state(gateway.clock()),  # type: ignore[arg-type]  # the four states of the row
        created_at=rfc3339(invoice.created_at),
        expires_at=rfc3339(invoice.expires_at),
        pay_url=base + page,
        qr_url=f"{base}/v1/invoices/{invoice.payment_hash}/qr.svg",
        events_url=f"{base}/v1/invoices/{invoice.payment_hash}/events",
        item_id=invoice.item_id,
        tip_to=invoice.tip_to,
        paid_msat=invoice.paid_msat,
        settled_at=None if invoice.settled_at is None else rfc3339(invoice.settled_at),
    )
