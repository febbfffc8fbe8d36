"""A receipt as a page: by the token that a script presents, else by what the browser's cookies hold."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any
from urllib.parse import quote, urlencode

from aiohttp import web

from gateway.errors import Unauthorized
from gateway.rows import Invoice, InvoiceState, Origin, rfc3339
from gateway.web.api.bodies import ReceiptShare
from gateway.web.api.receipts import (
    booked_shares,
    page_link,
    payers_invoice,
    recovery_code,
    settled_preimage,
    sold_item,
    title_of,
)
from gateway.web.http.app_keys import gateway_of
from gateway.web.http.language import Words, chosen, words_of
from gateway.web.http.qr import draw_qr
from gateway.web.http.render import render
from gateway.web.pages.purchases import Held, all_held, valid_until
from gateway.web.pages.views import View, language_of
from gateway.wire.l402.challenge import encode_token
from gateway.wire.l402.credential import parse_authorization

UNPAID_STATUS = 202
# The bar of shares, in units of its drawing; each part darker than the next, the fourth like the first.
BAR_UNITS, GAP_UNITS = 1000, 6
SHADES = ("1", ".6", ".32")


async def show_receipt(request: web.Request) -> web.Response:
    """GET /r: of the token that the script took from the fragment; else, from the cookies, of `?h=` or the newest.

    202 for a token whose invoice is not paid yet.
    """
    held = await (_presented(request) if "Authorization" in request.headers else _held(request))
    paid = held is not None and held.invoice.state is InvoiceState.SETTLED
    receipt = await _receipt_view(request, held) if paid and held is not None else None
    status = 200 if paid or held is None else UNPAID_STATUS
    response = render(request, "receipt.html", {"receipt": receipt}, status=status)
    response.headers["Vary"] = "Accept-Language, Authorization, Cookie"
    if receipt is not None:
        # Without a receipt the page has a form, whose POST must name its origin.
        response.headers["Referrer-Policy"] = "no-referrer"
    return response


def receipt_path(request: web.Request, invoice: Invoice) -> str:
    """The address of a receipt for a browser that holds its token in a cookie."""
    language = chosen(request).removeprefix("?")
    return "/r?" + "&".join(filter(None, (urlencode({"h": invoice.payment_hash}), language)))


async def _presented(request: web.Request) -> Held:
    presented = parse_authorization(request.headers.getall("Authorization", ()))
    if not presented:
        raise Unauthorized("token_malformed", "There is no receipt for this token here.")
    _, credential = presented[0]
    token, invoice = await payers_invoice(gateway_of(request), credential)
    return Held(encode_token(credential.macaroon), token, invoice)


async def _held(request: web.Request) -> Held | None:
    paid = [held for held in await all_held(request) if held.invoice.state is InvoiceState.SETTLED]
    wanted = [held for held in paid if held.invoice.payment_hash == request.query.get("h")]
    return max(wanted or paid, key=lambda held: held.invoice.settled_at or 0, default=None)


async def _receipt_view(request: web.Request, held: Held) -> View:
    gateway, words = gateway_of(request), words_of(request)
    token, invoice = held.token, held.invoice
    code = await recovery_code(gateway, token, invoice)
    link = f"{gateway.config.public_url}/r#{held.text}"
    ends_at = valid_until(held)
    title = title_of(gateway, token)
    item = sold_item(gateway, token)
    return {
        "title": title if token.item_id is not None else words.say("A tip for {creator}", creator=title),
        "lang": language_of(title, words.tag),
        "amount_sat": words.sat(invoice.paid_msat or invoice.amount_msat),
        "settled_at": rfc3339(invoice.settled_at or 0),
        "settled": words.instant(invoice.settled_at or 0),
        "ends_at": "" if ends_at is None else rfc3339(ends_at),
        "ends": "" if ends_at is None else words.instant(ends_at, to_the_second=True),
        "item_id": "" if item is None else item.id,
        "page_url": page_link(gateway, token, invoice),
        "lost": invoice.origin is Origin.SUSPENSE,
        "payment_hash": invoice.payment_hash,
        "whole": held.token.as_minted,
        "preimage": await settled_preimage(gateway, held.token, invoice) or "",
        "shares": shares_view(await booked_shares(gateway, invoice), words),
        "code": code or "",
        "link": link if code else "",
        "qr": "data:image/svg+xml," + quote(draw_qr(link)) if code else "",
        "host": gateway.config.public_host,
    }


def shares_view(shares: Sequence[ReceiptShare], words: Words) -> list[dict[str, Any]]:
    """Where a payment went, each part with its place on a bar of 1000 units."""
    total = sum(share.amount_msat for share in shares)
    ends = [reached * BAR_UNITS // total for reached in accumulate(share.amount_msat for share in shares)]
    starts = [0, *ends[:-1]]
    return [
        {
            "title": share.title,
            "lang": language_of(share.title, words.tag),
            "amount_sat": words.sat(share.amount_msat),
            "start": start,
            "length": max(1, end - start - (GAP_UNITS if end < BAR_UNITS else 0)),
            "shade": SHADES[n % len(SHADES)],
        }
        for n, (share, start, end) in enumerate(zip(shares, starts, ends, strict=True))
    ]
