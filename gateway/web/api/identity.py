"""GET of a proof of which gateway answers, and of a stream that shows whether a proxy buffers events."""

import asyncio
import re

from aiohttp import web
from aiohttp_sse import sse_response
from msgspec import Struct

from gateway.access.gateway_proof import prove
from gateway.errors import Invalid
from gateway.web.http.application import gateway_of
from gateway.web.http.bodies import answer
from gateway.web.http.middleware import stream_headers

NONCE = re.compile("[0-9a-f]{32}")
OPEN_SECONDS = 2.0


class IdentityBody(Struct):
    """The proof for the nonce that was sent."""

    proof: str


async def read_identity(request: web.Request) -> web.Response:
    """GET /v1/identity?nonce=, where the nonce is 32 hex digits that the client chooses."""
    nonce = request.query.get("nonce", "")
    if not NONCE.fullmatch(nonce):
        raise Invalid("query_invalid", "nonce must be 32 digits of 0-9 and a-f.")
    response = answer(IdentityBody(prove(gateway_of(request).keys, nonce)))
    response.headers["Cache-Control"] = "no-store"
    return response


async def stream_identity(request: web.Request) -> web.StreamResponse:
    """GET /v1/identity/events: one event, then the end after 2 s. A proxy that buffers delays the event."""
    async with sse_response(request, headers=stream_headers() | {"X-Accel-Buffering": "no"}) as stream:
        await stream.send("{}", event="sent")
        await asyncio.sleep(OPEN_SECONDS)
    return stream
