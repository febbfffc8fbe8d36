"""Authenticates the callers of /v1/admin by their API key. A request on the admin socket is the operator's."""

import asyncio
import hmac
from pathlib import Path

from aiohttp import web

from gateway.catalog.api_keys import OPERATOR, Caller
from gateway.catalog.api_keys import authenticate as authenticate_key
from gateway.errors import Unauthorized, Unavailable
from gateway.web.http.application import gateway_of
from gateway.web.http.forwarded import is_on_admin_socket


async def authenticate(request: web.Request) -> Caller:
    """The caller of a request, by the API keys as they are in the database now.

    Raises `Unauthorized` (`api_key_missing`, `api_key_wrong`) and `Unavailable`.
    """
    gateway = gateway_of(request)
    if is_on_admin_socket(request):
        await gateway.catalog.refresh_coalesced()
        return OPERATOR
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise Unauthorized("api_key_missing", "Send an API key: Authorization: Bearer tpk_…")
    # A key that another replica has just replaced must not be accepted here.
    await gateway.catalog.refresh_coalesced()
    operator_key = await asyncio.to_thread(_operator_key, gateway.config.shared_folder / "operator.key")
    # A header may hold bytes that are not UTF-8.
    if hmac.compare_digest(key.encode(errors="surrogateescape"), operator_key.encode()):
        return OPERATOR
    creator = authenticate_key(key, gateway.catalog.creators())
    return Caller(creator.name, creator.key_id)


def _operator_key(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError as error:
        raise Unavailable("operator_key_missing", f"operator.key cannot be read ({error.strerror}).") from error
