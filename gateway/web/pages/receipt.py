"""The receipt page, by the token that its script sends, else by the tokens in the browser's cookie."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any
from urllib.parse import quote, urlencode

from aiohttp import web

from gateway.access.receipts import Receipt, ReceiptShare, invoice_of_payer, place_to_ask, receipt_of, require_as_minted
from gateway.errors import TuppenceError, Unauthorized
from gateway.rows import Invoice, InvoiceState, rfc3339
from gateway.web.http.application import gateway_of
from gateway.web.http.bodies import read_form
from gateway.web.http.buyer import credentials_of
from gateway.web.http.language import Words, language_query, past_rate_for, words_of
from gateway.web.http.origins import check_form_origin
from gateway.web.http.public_path import with_public_path
from gateway.web.http.qr import draw_qr
from gateway.web.http.render import refused_form, render
from gateway.web.pages.receipt_mail import contact_view, own_copy
from gateway.web.pages.refund import explain_claim, refund_view
from gateway.web.pages.token_cookie import VerifiedToken, tokens_with_receipts
from gateway.web.pages.views import View, as_sold, language_of, what_it_buys
from gateway.wire.l402.challenge import encode_token

UNPAID_STATUS = 202
# The bar of shares, in units of its drawing. Shades repeat from the fourth share on.
BAR_UNITS, GAP_UNITS = 1000, 6
SHADES = ("1", ".6", ".32")


async def show_receipt(request: web.Request) -> web.Response:
    """GET /r: the receipt of the token that the script sends, else of the cookie's payment `?h=`, else of its newest.

    The status is 202 for a token whose invoice is not paid yet.
    """
    verified = await (_presented(request) if "Authorization" in request.headers else _from_cookies(request))
    paid = verified is not None and verified.invoice.state is InvoiceState.SETTLED
    receipt = await _receipt_view(request, verified) if paid and verified is not None else None
    status = 200 if paid or verified is None else UNPAID_STATUS
    response = render(request, "receipt.html", {"receipt": receipt}, status=status)
    response.headers["Vary"] = "Accept-Language, Authorization, Cookie"
    if receipt is not None and receipt["refund"] is None:
        # Any other page here has a form, and its POST must carry an Origin.
        response.headers["Referrer-Policy"] = "no-referrer"
    return response


async def claim_refund(request: web.Request) -> web.Response:
    """POST /r: pays the refund of the token that the script sends, else of the cookie's payment `?h=`; then GET /r."""
    check_form_origin(request)
    destination = (await read_form(request)).get("destination", "")
    verified = await (_presented(request) if "Authorization" in request.headers else _from_cookies(request))
    if verified is None or verified.invoice.payment_hash != request.query.get("h"):
        raise Unauthorized("token_missing", "This browser does not hold the receipt; open its link again.")
    gateway, words = gateway_of(request), words_of(request)
    try:
        require_as_minted(verified.token)
        await gateway.refund_claims.claim(verified.invoice.payment_hash, destination)
    except TuppenceError as refusal:
        view = await _receipt_view(request, verified)
        if view["refund"] is not None:
            view["refund"] |= {"typed": destination, "refusal": explain_claim(refusal, words, view["refund"])}
        return refused_form(request, "receipt.html", {"receipt": view}, refusal)
    location = with_public_path(request, receipt_path(request, verified.invoice))
    return web.Response(status=303, headers={"Location": location})


def receipt_path(request: web.Request, invoice: Invoice) -> str:
    """The path of a receipt, for a browser that has its token in the cookie."""
    language = language_query(request).removeprefix("?")
    return "/r?" + "&".join(filter(None, (urlencode({"h": invoice.payment_hash}), language)))


async def _presented(request: web.Request) -> VerifiedToken:
    presented = credentials_of(request)
    if not presented:
        raise Unauthorized("token_malformed", "There is no receipt for this token here.")
    _, credential = presented[0]
    gateway = gateway_of(request)
    token, invoice = await invoice_of_payer(gateway.authorizer, credential, now=gateway.now())
    return VerifiedToken(encode_token(credential.macaroon), token, invoice)


async def _from_cookies(request: web.Request) -> VerifiedToken | None:
    paid = [each for each in await tokens_with_receipts(request) if each.invoice.state is InvoiceState.SETTLED]
    wanted = [each for each in paid if each.invoice.payment_hash == request.query.get("h")]
    return max(wanted or paid, key=lambda each: each.invoice.settled_at or 0, default=None)


async def _receipt_view(request: web.Request, verified: VerifiedToken) -> View:
    gateway, words = gateway_of(request), words_of(request)
    receipt = await receipt_of(
        gateway.store, gateway.keys, gateway.nodes, gateway.catalog, verified.token, verified.invoice, now=gateway.now()
    )
    rate = await past_rate_for(request, at=receipt.settled_at)
    amount_msat = receipt.paid_msat or receipt.amount_msat
    title, settled_at, ends_at = receipt.title, receipt.settled_at or 0, receipt.access_ends_at
    link = f"{gateway.config.public_url}/r#{verified.text}" if receipt.recovery_code else ""
    view: View = {
        "title": title if receipt.item_id is not None else words.say("A tip for {creator}", creator=title),
        "lang": language_of(title, words.tag),
        "buys": "" if receipt.item is None else what_it_buys(as_sold(receipt.item, verified.invoice), words),
        "number": receipt.number,
        "seller": _seller_view(receipt, words),
        "page": "" if receipt.item is None else (receipt.item.page_url or "").partition("://")[2],
        "note": receipt.note,
        "amount_sat": words.sat(amount_msat),
        "fiat": "" if rate is None else words.fiat(amount_msat, rate),
        "fixed_rate": rate is not None and rate.fixed,
        "settled_at": rfc3339(settled_at),
        "settled": words.instant(settled_at),
        "ends_at": "" if ends_at is None else rfc3339(ends_at),
        "ends": "" if ends_at is None else words.instant(ends_at, to_the_second=True),
        "item_id": receipt.item_id if receipt.item is not None and receipt.refund is None else "",
        "path": receipt_path(request, verified.invoice),
        "refund": refund_view(receipt, words, public_url=gateway.config.public_url),
        "page_url": receipt.page_url or "",
        "lost": receipt.in_suspense,
        "payment_hash": receipt.payment_hash,
        "whole": receipt.as_minted,
        "preimage": receipt.preimage or "",
        "shares": shares_view(receipt.shares, words),
        "code": receipt.recovery_code or "",
        "recover_at": f"{gateway.config.public_url}/recover".partition("://")[2],
        "link": link,
        "qr": "data:image/svg+xml," + quote(draw_qr(link)) if link else "",
        "host": gateway.config.public_host,
        "contact": contact_view(place_to_ask(receipt, gateway.config.contact), receipt.number, words),
    }
    own = own_copy(view, words) if link else None
    return view | {"own": own}


def _seller_view(receipt: Receipt, words: Words) -> View | None:
    """The creator of what was bought. Whom a tip was given stands in its title."""
    if receipt.seller is None or receipt.tip_to is not None:
        return None
    return {"title": receipt.seller.title, "lang": language_of(receipt.seller.title, words.tag)}


def shares_view(shares: Sequence[ReceiptShare], words: Words) -> list[dict[str, Any]]:
    """The shares of a payment, each with its place on a bar of 1000 units."""
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
