"""The tip page of a creator: the form, the invoice while it is open, and the thanks."""

from collections.abc import Mapping

from aiohttp import web

from gateway.errors import Invalid, TuppenceError
from gateway.money import MSAT_PER_SAT
from gateway.rows import InvoiceState
from gateway.sales.terms import MOST_MESSAGE_CHARACTERS, MOST_NAME_CHARACTERS, is_too_long, note_fault
from gateway.web.http.application import gateway_of
from gateway.web.http.bodies import read_form
from gateway.web.http.buyer import page_buyer
from gateway.web.http.language import Words, words_of
from gateway.web.http.origins import check_form_origin
from gateway.web.http.render import may_be_kept, refused_form, render, see_other
from gateway.web.pages.receipt import receipt_path
from gateway.web.pages.refusal_texts import NOTE_TOO_LONG, explain
from gateway.web.pages.token_cookie import (
    THANKED,
    TIP,
    as_minted,
    keep_token,
    tokens_of,
)
from gateway.web.pages.views import (
    listed_view,
    tip_open_view,
    tip_view,
    tip_waiting_view,
)
from gateway.wire.l402.credential import decode_token

_MOST_DIGITS = 12


async def show_tip(request: web.Request) -> web.Response:
    """GET /t/{name}: thanks once for a paid tip, else shows the open invoice, else the form."""
    gateway = gateway_of(request)
    creator = gateway.catalog.creator(request.match_info["name"])
    now, words = gateway.clock(), words_of(request)
    newest = next(iter(await tokens_of(request, TIP, creator.name)), None)
    listed = listed_view(gateway.catalog.listed_by(creator.name), words)
    if newest is None:
        return may_be_kept(render(request, "tip.html", tip_view(creator, words) | listed))
    if newest.invoice.state is InvoiceState.CANCELED:
        return render(request, "tip.html", tip_view(creator, words) | listed)
    if newest.invoice.state is InvoiceState.OPEN:
        return render(request, "tip.html", tip_waiting_view(creator, newest.invoice, words, now=now))
    receipt_url = f"{receipt_path(request, newest.invoice)}#{newest.text}"
    view = tip_open_view(creator, newest.invoice, words, receipt_url=receipt_url)
    response = render(request, "tip.html", view | listed)
    keep_token(request, response, THANKED, creator.name, decode_token(newest.text), instead_of=TIP)
    return response


async def send_tip(request: web.Request) -> web.Response:
    """POST /t/{name}: tip without scripts; the cookie keeps the token of the invoice."""
    gateway = gateway_of(request)
    check_form_origin(request)
    creator = gateway.catalog.creator(request.match_info["name"])
    form = await read_form(request)
    typed = {field: form.get(field, "") for field in ("amount", "own", "name", "message")}
    try:
        amount_msat = _amount_sat(typed["amount"] or typed["own"]) * MSAT_PER_SAT
        buyer = page_buyer(request, as_minted(await tokens_of(request, TIP, creator.name)))
        sold = await gateway.sales.tip(
            creator, buyer, amount_msat=amount_msat, message=typed["message"], name=typed["name"]
        )
    except TuppenceError as refusal:
        line, field = _why_no_tip(refusal, typed, words_of(request))
        view = tip_view(creator, words_of(request), typed=typed, line=line, refused_field=field)
        return refused_form(request, "tip.html", view, refusal)
    response = see_other(request)
    keep_token(request, response, TIP, creator.name, sold.token)
    return response


def _amount_sat(text: str) -> int:
    digits = text.strip()
    if not digits.isascii() or not digits.isdecimal() or len(digits) > _MOST_DIGITS:
        raise Invalid("tip_invalid", "Choose an amount, or write one as a number of sat.")
    return int(digits)


def _why_no_tip(refusal: TuppenceError, typed: Mapping[str, str], words: Words) -> tuple[str, str]:
    """The refusal in words, and the field at fault ("": none)."""
    if refusal.detail == note_fault(typed["message"], typed["name"]):
        return words.say(NOTE_TOO_LONG, message=MOST_MESSAGE_CHARACTERS, name=MOST_NAME_CHARACTERS), _field_of(typed)
    return explain(refusal, words), "own" if refusal.code == "tip_invalid" else ""


def _field_of(typed: Mapping[str, str]) -> str:
    return "name" if is_too_long("", typed["name"]) else "message"
