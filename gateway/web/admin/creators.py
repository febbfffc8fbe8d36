"""Who may administer what under /v1/admin, and the creators themselves. The Unix socket is the operator's."""

import asyncio
import hmac
from pathlib import Path

from aiohttp import web

from gateway.catalog.api_keys import OPERATOR, Caller, new_key
from gateway.catalog.api_keys import authenticate as authenticate_key
from gateway.catalog.rules import DEFAULT_ACCENT
from gateway.errors import Unauthorized, Unavailable
from gateway.rows import Creator, rfc3339
from gateway.web.admin.bodies import CreatorBody, CreatorRequest
from gateway.web.http.app_keys import gateway_of
from gateway.web.http.bodies import answer, read_body
from gateway.web.http.forwarded import over_unix_socket


async def authenticate(request: web.Request) -> Caller:
    """Who asks, by the keys that hold now: none is believed from memory.

    Raises `Unauthorized` (`api_key_missing`, `api_key_wrong`) and `Unavailable`.
    """
    gateway = gateway_of(request)
    if over_unix_socket(request):
        await gateway.catalog.refresh_coalesced()
        return OPERATOR
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise Unauthorized("api_key_missing", "Send an API key: Authorization: Bearer tpk_…")
    # What another replica has changed a moment ago, its creator sees here.
    await gateway.catalog.refresh_coalesced()
    operator_key = await asyncio.to_thread(_operator_key, gateway.config.shared_folder / "operator.key")
    # A header may hold bytes that are no UTF-8.
    if hmac.compare_digest(key.encode(errors="surrogateescape"), operator_key.encode()):
        return OPERATOR
    creator = authenticate_key(key, gateway.catalog.creators())
    return Caller(creator.name, creator.key_id)


def _operator_key(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError as error:
        raise Unavailable("operator_key_missing", f"operator.key cannot be read ({error.strerror}).") from error


async def create_creator(request: web.Request) -> web.Response:
    """POST /v1/admin/creators."""
    gateway = gateway_of(request)
    (await authenticate(request)).must_operate()
    wanted = await read_body(request, CreatorRequest)
    key, key_id, key_hash = new_key(gateway.random_bytes)
    creator = await gateway.catalog.add_creator(
        Creator(
            name=wanted.name,
            title=wanted.title or wanted.name,
            accent=wanted.accent or DEFAULT_ACCENT,
            key_id=key_id,
            key_hash=key_hash,
            created_at=gateway.now(),
        )
    )
    return answer(_creator_body(creator, key), status=201)


async def list_creators(request: web.Request) -> web.Response:
    """GET /v1/admin/creators."""
    (await authenticate(request)).must_operate()
    return answer([_creator_body(creator, None) for creator in gateway_of(request).catalog.creators()])


async def rotate_key(request: web.Request) -> web.Response:
    """POST /v1/admin/creators/{name}/key: the old key ends at once."""
    gateway = gateway_of(request)
    caller = await authenticate(request)
    creator = gateway.catalog.creator(request.match_info["name"])
    caller.may_sell_as(creator.name)
    key, key_id, key_hash = new_key(gateway.random_bytes)
    await gateway.catalog.rotate_key(
        creator.name, key_id=key_id, key_hash=key_hash, instead_of=caller.key_id if caller.creator else None
    )
    return answer(_creator_body(creator, key))


def _creator_body(creator: Creator, api_key: str | None) -> CreatorBody:
    return CreatorBody(creator.name, creator.title, creator.accent, rfc3339(creator.created_at), api_key)
