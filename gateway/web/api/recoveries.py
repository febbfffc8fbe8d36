"""A purchase opened by its recovery code, over the API and on a page that needs no script."""

from aiohttp import web

from gateway.access.one_time_codes import is_hand_over_code, take_over
from gateway.access.recovery_codes import LONGEST_TYPED, read_code, recover
from gateway.access.tokens import mint_token
from gateway.errors import TuppenceError
from gateway.rows import Invoice
from gateway.web.api.bodies import RecoveryBody, RecoveryRequest
from gateway.web.http.app_keys import gateway_of
from gateway.web.http.bodies import answer, read_body, read_form
from gateway.web.http.forwarded import client_key
from gateway.web.http.item_origins import foreign_page
from gateway.web.http.language import words_of
from gateway.web.http.origins import check_origin
from gateway.web.http.public_path import link
from gateway.web.http.render import refused_form, render
from gateway.web.pages.purchases import ITEM, THANKED, keep_token
from gateway.web.pages.receipt import receipt_path
from gateway.web.pages.refusal_texts import explain
from gateway.wire.l402.challenge import encode_token


async def create_recovery(request: web.Request) -> web.Response:
    """POST /v1/recoveries."""
    asked = await read_body(request, RecoveryRequest)
    invoice, token = await (handed_over if is_hand_over_code(asked.code) else recovered)(request, asked.code)
    text = encode_token(token)
    return answer(
        RecoveryBody(
            payment_hash=invoice.payment_hash,
            item_id=invoice.item_id,
            tip_to=invoice.tip_to,
            access_token=text,
            receipt_url=f"{gateway_of(request).config.public_url}/r#{text}",
        )
    )


async def ask_code(request: web.Request) -> web.Response:
    """GET /recover."""
    return render(request, "recover.html", {"line": "", "typed": ""})


async def open_by_code(request: web.Request) -> web.Response:
    """POST /recover: keeps a token in the purchase's cookie, as if it had been paid for in this browser."""
    check_origin(request)
    form = await read_form(request)
    typed = form.get("code", "")
    try:
        invoice, token = await recovered(request, typed)
    except TuppenceError as refusal:
        view = {"line": explain(refusal, words_of(request)), "typed": typed[:LONGEST_TYPED]}
        return refused_form(request, "recover.html", view, refusal)
    response = web.Response(status=303, headers={"Location": link(request, receipt_path(request, invoice))})
    if invoice.item_id is not None:
        keep_token(request, response, ITEM, invoice.item_id, token)
    else:
        assert invoice.tip_to is not None, "an invoice sells an item or a tip"
        keep_token(request, response, THANKED, invoice.tip_to, token)
    return response


async def recovered(request: web.Request, typed: str) -> tuple[Invoice, bytes]:
    """The purchase of a code as somebody typed it, and a new token for it.

    Raises `Invalid` (`recovery_code_malformed`), `NotFound` (`recovery_unknown`), `TooMany`.
    """
    gateway = gateway_of(request)
    code = read_code(typed)
    with gateway.limits.recovery(client_key(request), foreign_page(request, None)):
        invoice = await recover(gateway.store, gateway.keys, code)
    return invoice, mint_token(gateway.keys, invoice)


async def handed_over(request: web.Request, code: str) -> tuple[Invoice, bytes]:
    """The purchase of a code that one of our pages handed over, and a new token for it.

    Raises `NotFound` (`recovery_unknown`), `TooMany`, and as `take_over` does.
    """
    gateway = gateway_of(request)
    with gateway.limits.recovery(client_key(request), foreign_page(request, None)):
        invoice = await take_over(gateway.store, gateway.keys, code, now=gateway.now())
    return invoice, mint_token(gateway.keys, invoice)
