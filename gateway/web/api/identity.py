"""Proof of which gateway answers: who holds the same keys can check it, and nobody learns them from it."""

import asyncio
import re

from aiohttp import web
from aiohttp_sse import sse_response
from msgspec import Struct

from gateway.errors import Invalid
from gateway.ports.keys import KeyRing
from gateway.web.http.app_keys import gateway_of
from gateway.web.http.bodies import answer
from gateway.web.http.middleware import stream_headers

NONCE = re.compile("[0-9a-f]{32}")
HELD_SECONDS = 2.0


class IdentityBody(Struct):
    """The proof for the nonce that was sent."""

    proof: str


def prove(keys: KeyRing, nonce: str) -> str:
    """What only the keys give for a nonce."""
    return keys.keyed_hash("identity", nonce)


async def read_identity(request: web.Request) -> web.Response:
    """GET /v1/identity?nonce=: 32 hex digits of the asker's."""
    nonce = request.query.get("nonce", "")
    if not NONCE.fullmatch(nonce):
        raise Invalid("query_invalid", "nonce must be 32 digits of 0-9 and a-f.")
    response = answer(IdentityBody(prove(gateway_of(request).keys, nonce)))
    response.headers["Cache-Control"] = "no-store"
    return response


async def stream_identity(request: web.Request) -> web.StreamResponse:
    """GET /v1/identity/events: one event, and the end 2 s later, so that an asker sees whether events are held back."""
    async with sse_response(request, headers=stream_headers() | {"X-Accel-Buffering": "no"}) as stream:
        await stream.send("{}", event="sent")
        await asyncio.sleep(HELD_SECONDS)
    return stream
