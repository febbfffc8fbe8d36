"""The page of an item: its offer, the invoice while it is open, and the content once it is paid."""

from collections.abc import Sequence

from aiohttp import web

from gateway.access.download_links import sign_link
from gateway.access.receipts import page_url_of
from gateway.access.tokens import token_ends_at
from gateway.catalog.rules import for_sale
from gateway.rows import Creator, InvoiceState, Item, ItemKind
from gateway.web.http.application import gateway_of
from gateway.web.http.buyer import page_buyer
from gateway.web.http.downloads import download_path
from gateway.web.http.item_origins import check_item_origin
from gateway.web.http.language import words_of
from gateway.web.http.origins import check_form_origin
from gateway.web.http.render import may_be_kept, render, see_other
from gateway.web.pages.receipt import receipt_path
from gateway.web.pages.share_card import card_view
from gateway.web.pages.token_cookie import (
    ITEM,
    VerifiedToken,
    as_minted,
    is_waiting,
    keep_token,
    opens,
    tokens_of,
)
from gateway.web.pages.views import (
    View,
    offer_view,
    open_view,
    waiting_view,
)


def payment_required_page(request: web.Request, item: Item) -> web.Response:
    """The page of an item with status 402, for a browser that requested its content. Creates no invoice."""
    creator = gateway_of(request).catalog.creator(item.creator)
    return render(request, "item.html", _offer(request, item, creator), status=402)


async def show_item(request: web.Request) -> web.Response:
    """GET /i/{item_id}: the content if the cookie has a paid token, else its open invoice, else the offer."""
    gateway = gateway_of(request)
    item, creator = _item(request)
    now = gateway.clock()
    tokens = await tokens_of(request, ITEM, item.id)
    for one in tokens:
        if opens(one, item.id, now=now):
            return render(request, "item.html", await _opened(request, item, creator, one))
    unpaid = next((one for one in tokens if one.invoice.state is InvoiceState.OPEN), None)
    if unpaid is None:
        view = _offer(request, item, creator) | {"refunded_urls": _refunded_urls(request, tokens)}
        page = render(request, "item.html", view)
        return page if tokens else may_be_kept(page)
    view = waiting_view(item, creator, unpaid.invoice, words_of(request), now=now)
    # An invoice that has expired is offered again.
    if view["state"] == "offered":
        view |= {"card": _card(request, item, creator)}
    return render(request, "item.html", view)


async def buy_item(request: web.Request) -> web.Response:
    """POST /i/{item_id}: buy without scripts; the cookie keeps the token of the invoice."""
    gateway = gateway_of(request)
    check_form_origin(request)
    item, creator = _item(request)
    check_item_origin(request, item)
    for_sale(item)
    now = gateway.clock()
    response = see_other(request)
    tokens = await tokens_of(request, ITEM, item.id)
    for one in tokens:
        if opens(one, item.id, now=now):
            return response
        if is_waiting(one, item.price_msat, now=now):
            await gateway.content.check(item.digest, item.byte_size)
            return response
    sold = await gateway.sales.buy(item, creator, page_buyer(request, as_minted(tokens)))
    keep_token(request, response, ITEM, item.id, sold.token)
    return response


async def _opened(request: web.Request, item: Item, creator: Creator, verified: VerifiedToken) -> View:
    gateway = gateway_of(request)
    content_html, file_url = "", ""
    if item.kind is ItemKind.TEXT:
        content_html = (await gateway.content.get(item.digest)).decode()
    elif item.kind is ItemKind.FILE:
        valid_until = token_ends_at(verified.token, verified.invoice)
        link = sign_link(gateway.keys, item, verified.invoice.payment_hash, now=gateway.now(), valid_until=valid_until)
        file_url = download_path(link)
    receipt_url = f"{receipt_path(request, verified.invoice)}#{verified.text}"
    words = words_of(request)
    return open_view(
        item,
        creator,
        verified.invoice,
        words,
        content_html=content_html,
        file_url=file_url,
        page_url=page_url_of(gateway.keys, item, verified.token, verified.invoice, now=gateway.now()) or "",
        receipt_url=receipt_url,
        has_more=gateway.catalog.has_more_by(item.creator, than=item),
        now=gateway.clock(),
    )


def _refunded_urls(request: web.Request, tokens: Sequence[VerifiedToken]) -> list[str]:
    """The receipts of the payments that were refunded, newest first."""
    return [receipt_path(request, one.invoice) for one in tokens if one.invoice.refunded_at is not None]


def _offer(request: web.Request, item: Item, creator: Creator) -> View:
    has_more = gateway_of(request).catalog.has_more_by(item.creator, than=item)
    card = _card(request, item, creator)
    return offer_view(item, creator, words_of(request), has_more=has_more) | {"card": card}


def _card(request: web.Request, item: Item, creator: Creator) -> View:
    return card_view(item, creator, public_url=gateway_of(request).config.public_url)


def _item(request: web.Request) -> tuple[Item, Creator]:
    catalog = gateway_of(request).catalog
    item = catalog.item(request.match_info["item_id"])
    return item, catalog.creator(item.creator)
