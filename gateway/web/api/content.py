"""The paid content: sent for a valid token, downloaded by a signed link; without a token, a request for payment."""

from dataclasses import asdict

from aiohttp import web

from gateway.access.download_links import check_link, content_of, sign_link
from gateway.app.gateway import Gateway
from gateway.catalog.rules import for_sale
from gateway.errors import PaymentRequired
from gateway.rows import Item, ItemKind, rfc3339
from gateway.web.api.bodies import LinkBody
from gateway.web.http.application import PAGES, gateway_of
from gateway.web.http.bodies import answer
from gateway.web.http.buyer import api_buyer, credentials_of
from gateway.web.http.downloads import disposition, download_path, send_file
from gateway.web.http.problems import problem
from gateway.wire.l402.challenge import challenge_body, challenge_header
from gateway.wire.l402.credential import parse_authorization

LINK_PARAMETERS = ("payment_hash", "expires", "content", "signature")
_PRIVATE = {"Cache-Control": "private, no-store", "Vary": "Authorization"}


async def read_content(request: web.Request) -> web.StreamResponse:
    """GET /v1/items/{item_id}/content: the content for a valid token, else 402."""
    gateway = gateway_of(request)
    item = gateway.catalog.item(request.match_info["item_id"])
    lines = request.headers.getall("Authorization", ())
    for line in lines:
        if gateway.authorizer.remembered(line, item.id) is not None:
            return await send_content(request, item)
    try:
        await gateway.authorizer.authorize(parse_authorization(lines), item.id)
    except PaymentRequired as refusal:
        return await _ask_payment(request, gateway, item, refusal)
    return await send_content(request, item)


async def create_link(request: web.Request) -> web.Response:
    """POST /v1/items/{item_id}/links: a signed link to the content; a browser sends no header when it downloads."""
    gateway = gateway_of(request)
    item = gateway.catalog.item(request.match_info["item_id"])
    access = await gateway.authorizer.authorize(credentials_of(request), item.id)
    link = sign_link(gateway.keys, item, access.payment_hash, now=gateway.now(), valid_until=access.valid_until)
    url = f"{gateway.config.public_url}{download_path(link)}"
    return answer(LinkBody(url=url, expires_at=rfc3339(link.expires_at)))


async def download(request: web.Request) -> web.StreamResponse:
    """GET /v1/items/{item_id}/download: the content, for a signed link."""
    gateway = gateway_of(request)
    item = gateway.catalog.item(request.match_info["item_id"])
    carried = {name: request.query.get(name, "") for name in LINK_PARAMETERS}
    check_link(gateway.keys, item.id, **carried, now=gateway.clock())
    gateway.authorizer.refunded.check(carried["payment_hash"])
    # A range of content that was replaced since would not fit what the client already has.
    return await send_content(request, item, in_parts=carried["content"] == content_of(item))


async def send_content(request: web.Request, item: Item, *, in_parts: bool = True) -> web.StreamResponse:
    """Send the content: a text as sanitised HTML, a file always as a download, the key of a sealed text as JSON."""
    gateway, headers = gateway_of(request), dict(_PRIVATE)
    if item.kind is ItemKind.FILE:
        headers["Content-Disposition"] = disposition(item.file_name or item.id)
        headers["Content-Type"] = item.media_type
        await gateway.content.check(item.digest, item.byte_size)
        path = gateway.content.existing_path(item.digest)
        return send_file(request, path, digest=item.digest, headers=headers, in_parts=in_parts)
    headers["Content-Type"] = f"{item.media_type}; charset=utf-8"
    body = gateway.content.cached(item.digest) or await gateway.content.get(item.digest)
    return web.Response(body=body, headers=headers)


async def _ask_payment(request: web.Request, gateway: Gateway, item: Item, refusal: PaymentRequired) -> web.Response:
    for_sale(item)
    if request.method == "HEAD":
        return problem(402, refusal.code, refusal.detail)
    if _shows_page(request):
        return request.app[PAGES].payment_required(request, item)
    creator = gateway.catalog.creator(item.creator)
    challenge = await gateway.sales.challenge(item, creator, api_buyer(request, item))
    token, invoice = challenge.token, challenge.invoice
    members = challenge_body(
        token,
        payment_request=invoice.payment_request,
        payment_hash=invoice.payment_hash,
        amount_msat=invoice.amount_msat,
        expires_at=invoice.expires_at,
    )
    response = problem(402, refusal.code, refusal.detail, **asdict(members))
    response.headers["WWW-Authenticate"] = challenge_header(token, invoice.payment_request)
    return response


def _shows_page(request: web.Request) -> bool:
    """Whether the client is a browser that shows a page or loads a part of one. No invoice is made for it."""
    reads_answer = request.headers.get("Sec-Fetch-Mode", "cors") in {"cors", "same-origin"}
    return not reads_answer or "text/html" in request.headers.get("Accept", "")
