"""The pages for people: an item, a tip, a receipt, the API's reference. They work with and without script."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from gateway.errors import Forbidden, Invalid, OutcomeUnknown, TuppenceError, Unavailable
from gateway.money import MSAT_PER_SAT
from gateway.rows import Creator, InvoiceState, Item, ItemKind
from gateway.web.embed import Embed
from gateway.web.gateway import Gateway, gateway_of
from gateway.web.held import (
    ITEM,
    TIP,
    Held,
    all_held,
    forget_tokens,
    held_tokens,
    is_waiting,
    keep_token,
    opens,
    valid_until,
)
from gateway.web.invoices import sell
from gateway.web.links import download_path, link_ends_at
from gateway.web.receipts import booked_shares
from gateway.web.render import add_templates, problem_page, render
from gateway.web.snippet import add_snippets
from gateway.web.views import (
    View,
    offer_view,
    open_view,
    receipt_view,
    tip_open_view,
    tip_view,
    tip_waiting_view,
    waiting_view,
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_MOST_DIGITS = 12


def add_pages(app: web.Application) -> None:
    """Put the pages, their templates and their static files on an application."""
    add_templates(app)
    embed = Embed()
    embed.add_to(app)
    add_snippets(app, embed)
    app.router.add_get("/i/{item_id}", as_page(show_item))
    app.router.add_post("/i/{item_id}", as_page(buy_item))
    app.router.add_get("/t/{name}", as_page(show_tip))
    app.router.add_post("/t/{name}", as_page(send_tip))
    app.router.add_get("/r", as_page(show_receipt))


def as_page(handler: Handler) -> Handler:
    """A handler whose refusals are pages too."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except TuppenceError as error:
            return problem_page(request, error)

    return answer


def wall_page(request: web.Request, item: Item) -> web.Response:
    """The page of an item as the answer, 402, to a browser that asked for its content. It makes no invoice."""
    creator = gateway_of(request).catalog.creator(item.creator)
    return render(request, "item.html", offer_view(item, creator), status=402)


async def show_item(request: web.Request) -> web.Response:
    """GET /i/{item_id}: what the cookie has paid for, else the invoice it waits for, else the offer."""
    gateway = gateway_of(request)
    item, creator = _item(request)
    now = gateway.clock()
    held = await held_tokens(request, ITEM, item.id)
    for one in held:
        if opens(one, item.id, now=now):
            return render(request, "item.html", await _opened(gateway, item, creator, one))
    unpaid = next((one for one in held if one.invoice.state is InvoiceState.OPEN), None)
    view = offer_view(item, creator) if unpaid is None else waiting_view(item, creator, unpaid.invoice, now=now)
    return render(request, "item.html", view)


async def buy_item(request: web.Request) -> web.Response:
    """POST /i/{item_id}: an invoice for a browser without script, kept in its cookie."""
    gateway = gateway_of(request)
    _check_origin(request)
    item, creator = _item(request)
    offer = gateway.checkout.item_offer(item, creator)
    now = gateway.clock()
    response = _see_other(request)
    for one in await held_tokens(request, ITEM, item.id):
        if opens(one, item.id, now=now) or is_waiting(one, item.price_msat, now=now):
            return response
    sold = await sell(request, gateway, offer, idempotency_key=None)
    keep_token(request, response, ITEM, item.id, sold.token)
    return response


async def show_tip(request: web.Request) -> web.Response:
    """GET /t/{name}: thanks once for what was paid, else the invoice that waits, else the form."""
    gateway = gateway_of(request)
    creator = gateway.catalog.creator(request.match_info["name"])
    now = gateway.clock()
    newest = next(iter(await held_tokens(request, TIP, creator.name)), None)
    if newest is None or newest.invoice.state is InvoiceState.CANCELED:
        return render(request, "tip.html", tip_view(creator))
    if newest.invoice.state is InvoiceState.OPEN:
        return render(request, "tip.html", tip_waiting_view(creator, newest.invoice, now=now))
    response = render(request, "tip.html", tip_open_view(creator, newest.invoice, token=newest.text))
    forget_tokens(request, response, TIP, creator.name)
    return response


async def send_tip(request: web.Request) -> web.Response:
    """POST /t/{name}."""
    gateway = gateway_of(request)
    _check_origin(request)
    creator = gateway.catalog.creator(request.match_info["name"])
    form = await request.post()
    amount, own, name, message = (str(form.get(field, "")) for field in ("amount", "own", "name", "message"))
    try:
        amount_msat = _amount_sat(amount or own) * MSAT_PER_SAT
        offer = gateway.checkout.tip_offer(creator, amount_msat=amount_msat, message=message, name=name)
    except Invalid as refusal:
        return render(request, "tip.html", tip_view(creator, words=refusal.detail), status=422)
    sold = await sell(request, gateway, offer, idempotency_key=None)
    response = _see_other(request)
    keep_token(request, response, TIP, creator.name, sold.token)
    return response


async def show_receipt(request: web.Request) -> web.Response:
    """GET /r: the script reads the token from the fragment; without it, the newest payment of the cookies."""
    paid = [held for held in await all_held(request) if held.invoice.state is InvoiceState.SETTLED]
    newest = max(paid, key=lambda held: held.invoice.settled_at or 0, default=None)
    view = {"receipt": None if newest is None else await _receipt(gateway_of(request), newest)}
    response = render(request, "receipt.html", view)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


async def _opened(gateway: Gateway, item: Item, creator: Creator, held: Held) -> View:
    content_html, file_url = "", ""
    if item.kind is ItemKind.TEXT:
        content_html = (await gateway.content.get(item.digest)).decode()
    else:
        expires_at = link_ends_at(gateway.now(), valid_until(held))
        file_url = download_path(gateway.keys, item.id, expires_at=expires_at)
    return open_view(item, creator, held.invoice, content_html=content_html, file_url=file_url, token=held.text)


async def _receipt(gateway: Gateway, held: Held) -> View:
    assert held.token.item_id is not None, "only items' cookies are read for receipts"
    try:
        preimage = await gateway.node.preimage(held.invoice.payment_hash)
    except (Unavailable, OutcomeUnknown):
        preimage = None
    shares = [(share.title, share.amount_msat) for share in await booked_shares(gateway, held.invoice)]
    title = gateway.catalog.item(held.token.item_id).title
    return receipt_view(held.invoice, title=title, shares=shares, preimage=preimage)


def _item(request: web.Request) -> tuple[Item, Creator]:
    catalog = gateway_of(request).catalog
    item = catalog.item(request.match_info["item_id"])
    return item, catalog.creator(item.creator)


def _amount_sat(text: str) -> int:
    digits = text.strip()
    if not digits.isascii() or not digits.isdecimal() or len(digits) > _MOST_DIGITS:
        raise Invalid("tip_invalid", "Choose an amount, or write one as a number of sat.")
    return int(digits)


def _check_origin(request: web.Request) -> None:
    """A form of ours names our origin. Raises `Forbidden` (`origin_wrong`)."""
    origin = request.headers.get("Origin")
    ours = {request.host, gateway_of(request).config.public_host}
    if origin is not None and urlsplit(origin).netloc not in ours:
        raise Forbidden("origin_wrong", "This form came from another site; open the page itself and pay there.")


def _see_other(request: web.Request) -> web.Response:
    return web.Response(status=303, headers={"Location": request.path})
