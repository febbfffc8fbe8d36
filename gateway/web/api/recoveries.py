"""POST of a recovery code for a new token of what was bought with it."""

from aiohttp import web

from gateway.access.recovery import recover
from gateway.web.api.bodies import RecoveryBody, RecoveryRequest
from gateway.web.http.application import gateway_of
from gateway.web.http.bodies import answer, read_body
from gateway.web.http.forwarded import client_key
from gateway.web.http.item_origins import foreign_origin
from gateway.wire.l402.challenge import encode_token


async def create_recovery(request: web.Request) -> web.Response:
    """POST /v1/recoveries."""
    gateway = gateway_of(request)
    asked = await read_body(request, RecoveryRequest)
    recovered = await recover(
        gateway.store,
        gateway.keys,
        gateway.limits,
        asked.code,
        client_key=client_key(request),
        foreign_origin=foreign_origin(request, None),
        now=gateway.now(),
    )
    invoice, text = recovered.invoice, encode_token(recovered.access_token)
    return answer(
        RecoveryBody(
            payment_hash=invoice.payment_hash,
            item_id=invoice.item_id,
            tip_to=invoice.tip_to,
            access_token=text,
            receipt_url=f"{gateway.config.public_url}/r#{text}",
        )
    )
