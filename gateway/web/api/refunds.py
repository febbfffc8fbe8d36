"""Refunds for their payers: claimed with the payment's token, or by a wallet over LNURL-withdraw (LUD-03)."""

from urllib.parse import urlencode

import msgspec
from aiohttp import web

from gateway.access.receipts import OfferedRefund, invoice_of_payer, require_as_minted
from gateway.errors import TuppenceError, Unauthorized
from gateway.money import Msat
from gateway.payouts.claims import require_offered
from gateway.payouts.outcomes import is_invoice
from gateway.rows import rfc3339
from gateway.web.api.bodies import RefundClaim, RefundOffer
from gateway.web.http.application import gateway_of
from gateway.web.http.bodies import answer, read_body
from gateway.web.http.buyer import credentials_of
from gateway.wire.lnurl.addresses import write_lnurl
from gateway.wire.lnurl.withdraw import Accepted, Failure, WithdrawRequest

WITHDRAW = "/v1/refunds/withdraw"


async def claim_refund(request: web.Request) -> web.Response:
    """POST /v1/refunds/claim, with the token as it was minted."""
    gateway = gateway_of(request)
    presented = credentials_of(request)
    if not presented:
        raise Unauthorized("token_missing", "Send the invoice's token: Authorization: Bearer <access_token>.")
    token, invoice = await invoice_of_payer(gateway.authorizer, presented[0][1], now=gateway.now())
    require_as_minted(token)
    claim = await read_body(request, RefundClaim)
    await gateway.refund_claims.claim(invoice.payment_hash, claim.destination)
    refund = await gateway.store.read(lambda tx: tx.refunds.get(invoice.payment_hash))
    assert refund is not None, "what was claimed is there"
    offer = OfferedRefund(state=refund.state, amount_msat=refund.amount_msat, expires_at=refund.expires_at, k1=None)
    return answer(refund_offer(offer, public_url=gateway.config.public_url), status=202)


async def offer_withdrawal(request: web.Request) -> web.Response:
    """GET /v1/refunds/withdraw?k1=: what the wallet may claim. Errors have status 200, as wallets expect."""
    gateway, k1 = gateway_of(request), request.query.get("k1", "")
    try:
        refund = await gateway.payouts.refunds.by_secret(k1)
        require_offered(refund, now=gateway.now())
    except TuppenceError as refusal:
        return _json(Failure(reason=refusal.detail))
    return _json(
        WithdrawRequest(
            callback=f"{gateway.config.public_url}{WITHDRAW}/callback",
            k1=k1,
            default_description=f"Refund · {gateway.config.public_host}",
            min_withdrawable=Msat(refund.amount_msat),
            max_withdrawable=Msat(refund.amount_msat),
        )
    )


async def withdraw(request: web.Request) -> web.Response:
    """GET /v1/refunds/withdraw/callback?k1=&pr=: the invoice is paid after this answer."""
    gateway, payment_request = gateway_of(request), request.query.get("pr", "")
    try:
        refund = await gateway.payouts.refunds.by_secret(request.query.get("k1", ""))
        if not is_invoice(payment_request):
            return _json(Failure(reason="Send the invoice to be paid as pr."))
        await gateway.refund_claims.claim(refund.payment_hash, payment_request)
    except TuppenceError as refusal:
        return _json(Failure(reason=refusal.detail))
    return _json(Accepted())


def refund_offer(refund: OfferedRefund, *, public_url: str) -> RefundOffer:
    """A refund as its payer sees it."""
    link = None if refund.k1 is None else f"{public_url}{WITHDRAW}?{urlencode({'k1': refund.k1})}"
    return RefundOffer(
        state=refund.state.value,
        amount_msat=refund.amount_msat,
        expires_at=rfc3339(refund.expires_at),
        lnurl=None if link is None else write_lnurl(link),
    )


def _json(body: WithdrawRequest | Accepted | Failure) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), content_type="application/json")
