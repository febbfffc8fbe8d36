"""The pages for people: an item, a tip, a receipt, the API's reference. They work with and without script."""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from gateway.access.download_links import download_path, link_ends_at
from gateway.errors import Invalid, TuppenceError
from gateway.money import MSAT_PER_SAT
from gateway.rows import Creator, InvoiceState, Item, ItemKind
from gateway.sales.checkout import MOST_MESSAGE_CHARACTERS, MOST_NAME_CHARACTERS, note_fault
from gateway.web.api.invoices import sell
from gateway.web.api.rate import in_fiat
from gateway.web.api.receipts import page_link
from gateway.web.api.recoveries import ask_code, open_by_code
from gateway.web.embed.files import Embed
from gateway.web.embed.snippet import add_snippets
from gateway.web.http.app_keys import GATEWAY, gateway_of
from gateway.web.http.bodies import read_form
from gateway.web.http.item_origins import check_asking_page
from gateway.web.http.language import chosen, words_of
from gateway.web.http.origins import check_origin
from gateway.web.http.public_path import link, path_of
from gateway.web.http.render import add_templates, problem_page, put_globals, refused_form, render
from gateway.web.pages.purchases import (
    ITEM,
    THANKED,
    TIP,
    Held,
    held_tokens,
    is_waiting,
    keep_token,
    opens,
    take_over_former,
    valid_until,
    whole,
)
from gateway.web.pages.receipt import receipt_path, show_receipt
from gateway.web.pages.refusal_texts import NOTE_TOO_LONG, explain
from gateway.web.pages.share_card import card_view
from gateway.web.pages.share_image import PATH as PICTURE
from gateway.web.pages.share_image import send_card
from gateway.web.pages.views import (
    View,
    offer_view,
    open_view,
    tip_open_view,
    tip_view,
    tip_waiting_view,
    waiting_view,
)
from gateway.wire.l402.credential import decode_token

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_MOST_DIGITS = 12


def add_pages(app: web.Application) -> None:
    """Put the pages, their templates and their static files on an application."""
    add_templates(app, public_path=app[GATEWAY].config.public_path)
    embed = Embed()
    embed.add_to(app)
    put_globals(app, connect_script=embed.url("connect.js"))
    add_snippets(app, embed)
    app.router.add_get("/i/{item_id}", as_page(show_item))
    app.router.add_post("/i/{item_id}", as_page(buy_item))
    app.router.add_get("/t/{name}", as_page(show_tip))
    app.router.add_post("/t/{name}", as_page(send_tip))
    app.router.add_get(PICTURE, send_card)
    app.router.add_get("/r", as_page(show_receipt))
    app.router.add_get("/recover", as_page(ask_code))
    app.router.add_post("/recover", as_page(open_by_code))


def as_page(handler: Handler) -> Handler:
    """A handler whose refusals are pages too."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            response = await handler(request)
        except TuppenceError as error:
            response = problem_page(request, error)
        take_over_former(request, response)
        return response

    return answer


def wall_page(request: web.Request, item: Item) -> web.Response:
    """The page of an item as the answer, 402, to a browser that asked for its content. It makes no invoice."""
    creator = gateway_of(request).catalog.creator(item.creator)
    view = offer_view(item, creator, words_of(request)) | _card(request, item, creator)
    return render(request, "item.html", view, status=402)


async def show_item(request: web.Request) -> web.Response:
    """GET /i/{item_id}: what the cookie has paid for, else the invoice it waits for, else the offer."""
    gateway = gateway_of(request)
    item, creator = _item(request)
    now = gateway.clock()
    held = await held_tokens(request, ITEM, item.id)
    for one in held:
        if opens(one, item.id, now=now):
            return render(request, "item.html", await _opened(request, item, creator, one))
    unpaid = next((one for one in held if one.invoice.state is InvoiceState.OPEN), None)
    words = words_of(request)
    if unpaid is None:
        return render(request, "item.html", offer_view(item, creator, words) | _card(request, item, creator))
    view = waiting_view(item, creator, unpaid.invoice, words, now=now)
    return render(request, "item.html", view | {"fiat": in_fiat(request, unpaid.invoice.amount_msat)})


async def buy_item(request: web.Request) -> web.Response:
    """POST /i/{item_id}: an invoice for a browser without script, kept in its cookie."""
    gateway = gateway_of(request)
    check_origin(request)
    item, creator = _item(request)
    check_asking_page(request, item)
    offer = gateway.checkout.item_offer(item, creator)
    now = gateway.clock()
    response = _see_other(request)
    held = await held_tokens(request, ITEM, item.id)
    for one in held:
        if opens(one, item.id, now=now):
            return response
        if is_waiting(one, item.price_msat, now=now):
            await gateway.checkout.must_open(offer)
            return response
    sold = await sell(request, gateway, offer, idempotency_key=None, held=whole(held))
    keep_token(request, response, ITEM, item.id, sold.token)
    return response


async def show_tip(request: web.Request) -> web.Response:
    """GET /t/{name}: thanks once for what was paid, else the invoice that waits, else the form."""
    gateway = gateway_of(request)
    creator = gateway.catalog.creator(request.match_info["name"])
    now, words = gateway.clock(), words_of(request)
    newest = next(iter(await held_tokens(request, TIP, creator.name)), None)
    if newest is None or newest.invoice.state is InvoiceState.CANCELED:
        return render(request, "tip.html", tip_view(creator, words))
    if newest.invoice.state is InvoiceState.OPEN:
        return render(request, "tip.html", tip_waiting_view(creator, newest.invoice, words, now=now))
    receipt_url = f"{receipt_path(request, newest.invoice)}#{newest.text}"
    view = tip_open_view(creator, newest.invoice, words, receipt_url=receipt_url)
    response = render(request, "tip.html", view)
    keep_token(request, response, THANKED, creator.name, decode_token(newest.text), instead_of=TIP)
    return response


async def send_tip(request: web.Request) -> web.Response:
    """POST /t/{name}."""
    gateway = gateway_of(request)
    check_origin(request)
    creator = gateway.catalog.creator(request.match_info["name"])
    form = await read_form(request)
    typed = {field: form.get(field, "") for field in ("amount", "own", "name", "message")}
    try:
        amount_msat = _amount_sat(typed["amount"] or typed["own"]) * MSAT_PER_SAT
        offer = gateway.checkout.tip_offer(
            creator, amount_msat=amount_msat, message=typed["message"], name=typed["name"]
        )
        held = await held_tokens(request, TIP, creator.name)
        sold = await sell(request, gateway, offer, idempotency_key=None, held=whole(held))
    except TuppenceError as refusal:
        view = tip_view(creator, words_of(request), typed=typed, line=_why_no_tip(request, refusal, typed))
        return refused_form(request, "tip.html", view, refusal)
    response = _see_other(request)
    keep_token(request, response, TIP, creator.name, sold.token)
    return response


async def _opened(request: web.Request, item: Item, creator: Creator, held: Held) -> View:
    gateway = gateway_of(request)
    content_html, file_url = "", ""
    if item.kind is ItemKind.TEXT:
        content_html = (await gateway.content.get(item.digest)).decode()
    elif item.kind is ItemKind.FILE:
        expires_at = link_ends_at(gateway.now(), valid_until(held))
        file_url = download_path(gateway.keys, item, expires_at=expires_at)
    receipt_url = f"{receipt_path(request, held.invoice)}#{held.text}"
    words = words_of(request)
    return open_view(
        item,
        creator,
        held.invoice,
        words,
        content_html=content_html,
        file_url=file_url,
        page_url=page_link(gateway, held.token, held.invoice),
        receipt_url=receipt_url,
    )


def _card(request: web.Request, item: Item, creator: Creator) -> View:
    public_url = gateway_of(request).config.public_url
    return {"card": card_view(item, creator, public_url=public_url), "fiat": in_fiat(request, item.price_msat)}


def _item(request: web.Request) -> tuple[Item, Creator]:
    catalog = gateway_of(request).catalog
    item = catalog.item(request.match_info["item_id"])
    return item, catalog.creator(item.creator)


def _amount_sat(text: str) -> int:
    digits = text.strip()
    if not digits.isascii() or not digits.isdecimal() or len(digits) > _MOST_DIGITS:
        raise Invalid("tip_invalid", "Choose an amount, or write one as a number of sat.")
    return int(digits)


def _why_no_tip(request: web.Request, refusal: TuppenceError, typed: Mapping[str, str]) -> str:
    words = words_of(request)
    if refusal.detail == note_fault(typed["message"], typed["name"]):
        return words.say(NOTE_TOO_LONG, message=MOST_MESSAGE_CHARACTERS, name=MOST_NAME_CHARACTERS)
    return explain(refusal, words)


def _see_other(request: web.Request) -> web.Response:
    path = path_of(request, gateway_of(request).config.public_path)
    return web.Response(status=303, headers={"Location": link(request, path + chosen(request))})
