"""GET of a payment's receipt, for the holder of its token."""

from typing import Literal

from aiohttp import web

from gateway.access.receipts import Receipt, invoice_of_payer, place_to_ask, receipt_of
from gateway.config import Config
from gateway.errors import Unauthorized
from gateway.rates.rate import Rate
from gateway.rows import rfc3339
from gateway.web.api.bodies import ReceiptBody
from gateway.web.api.refunds import refund_offer
from gateway.web.http.application import gateway_of
from gateway.web.http.bodies import answer
from gateway.web.http.buyer import credentials_of
from gateway.web.http.language import past_rate_for


async def read_receipt(request: web.Request) -> web.Response:
    """GET /v1/receipt, with the token as Bearer."""
    gateway = gateway_of(request)
    presented = credentials_of(request)
    if not presented:
        raise Unauthorized("token_missing", "Send the invoice's token: Authorization: Bearer <access_token>.")
    _, credential = presented[0]
    now = gateway.now()
    token, invoice = await invoice_of_payer(gateway.authorizer, credential, now=now)
    receipt = await receipt_of(gateway.store, gateway.keys, gateway.nodes, gateway.catalog, token, invoice, now=now)
    rate = await past_rate_for(request, at=receipt.settled_at)
    response = answer(_receipt_body(receipt, rate, gateway.config))
    response.headers["Vary"] = "Accept-Language"
    return response


def _receipt_body(receipt: Receipt, rate: Rate | None, config: Config) -> ReceiptBody:
    note = receipt.note
    return ReceiptBody(
        number=receipt.number,
        payment_hash=receipt.payment_hash,
        item_id=receipt.item_id,
        tip_to=receipt.tip_to,
        kind=_kind(receipt),
        title=receipt.title,
        seller=receipt.seller,
        site=config.public_url,
        amount_msat=receipt.amount_msat,
        state=receipt.state,  # type: ignore[arg-type]  # the four states of the row
        paid_msat=receipt.paid_msat,
        settled_at=None if receipt.settled_at is None else rfc3339(receipt.settled_at),
        rate=rate,
        access_ends_at=None if receipt.access_ends_at is None else rfc3339(receipt.access_ends_at),
        message="" if note is None else note.message,
        name="" if note is None else note.name,
        preimage=receipt.preimage,
        recovery_code=receipt.recovery_code,
        contact=place_to_ask(receipt, config.contact),
        page_url=receipt.page_url,
        shares=[*receipt.shares],
        refund=None if receipt.refund is None else refund_offer(receipt.refund, public_url=config.public_url),
    )


def _kind(receipt: Receipt) -> Literal["text", "file", "sealed", "tip"] | None:
    if receipt.tip_to is not None:
        return "tip"
    return None if receipt.item is None else receipt.item.kind.value
