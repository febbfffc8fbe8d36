"""The page that takes a recovery code; it works without script."""

from aiohttp import web

from gateway.access.recovery import recover_as_typed
from gateway.crockford import LONGEST_TYPED
from gateway.errors import TuppenceError
from gateway.web.http.application import gateway_of
from gateway.web.http.bodies import read_form
from gateway.web.http.forwarded import client_key
from gateway.web.http.item_origins import foreign_origin
from gateway.web.http.language import words_of
from gateway.web.http.origins import check_form_origin
from gateway.web.http.public_path import with_public_path
from gateway.web.http.render import refused_form, render
from gateway.web.pages.receipt import receipt_path
from gateway.web.pages.refusal_texts import explain
from gateway.web.pages.token_cookie import ITEM, THANKED, keep_token


async def ask_code(request: web.Request) -> web.Response:
    """GET /recover."""
    return render(request, "recover.html", {"line": "", "typed": ""})


async def open_by_code(request: web.Request) -> web.Response:
    """POST /recover: puts a token in the cookie, as a payment in this browser does, and redirects to the receipt."""
    check_form_origin(request)
    form = await read_form(request)
    typed = form.get("code", "")
    gateway = gateway_of(request)
    client, origin = client_key(request), foreign_origin(request, None)
    try:
        recovered = await recover_as_typed(
            gateway.store, gateway.keys, gateway.limits, typed, client_key=client, foreign_origin=origin
        )
    except TuppenceError as refusal:
        view = {"line": explain(refusal, words_of(request)), "typed": typed[:LONGEST_TYPED]}
        return refused_form(request, "recover.html", view, refusal)
    invoice, token = recovered.invoice, recovered.access_token
    response = web.Response(status=303, headers={"Location": with_public_path(request, receipt_path(request, invoice))})
    if invoice.item_id is not None:
        keep_token(request, response, ITEM, invoice.item_id, token)
    else:
        assert invoice.tip_to is not None, "an invoice sells an item or a tip"
        keep_token(request, response, THANKED, invoice.tip_to, token)
    return response
