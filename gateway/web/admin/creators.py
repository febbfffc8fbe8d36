"""Creators under /v1/admin: add, list, replace an API key."""

from aiohttp import web

from gateway.catalog.creators import add_creator, replace_key
from gateway.rows import Creator, rfc3339
from gateway.web.admin.bodies import CreatorBody, CreatorRequest
from gateway.web.admin.callers import authenticate
from gateway.web.http.application import gateway_of
from gateway.web.http.bodies import answer, read_body


async def create_creator(request: web.Request) -> web.Response:
    """POST /v1/admin/creators."""
    gateway = gateway_of(request)
    (await authenticate(request)).must_operate()
    wanted = await read_body(request, CreatorRequest)
    creator, key = await add_creator(
        gateway.catalog,
        gateway.random_bytes,
        wanted.name,
        title=wanted.title,
        accent=wanted.accent,
        now=gateway.now(),
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
    name = request.match_info["name"]
    creator, key, dropped = await replace_key(
        gateway.catalog, gateway.random_bytes, name, caller=caller, now=gateway.now()
    )
    return answer(_creator_body(creator, key, dropped_destination=dropped))


def _creator_body(creator: Creator, api_key: str | None, *, dropped_destination: str | None = None) -> CreatorBody:
    created_at = rfc3339(creator.created_at)
    return CreatorBody(creator.name, creator.title, creator.accent, created_at, api_key, dropped_destination)
