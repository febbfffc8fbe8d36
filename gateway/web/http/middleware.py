"""The outermost middleware: turns errors into problem documents, adds security and CORS headers, counts requests."""

from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web
from aiohttp.hdrs import METH_ALL

from gateway.app.gateway import Gateway
from gateway.errors import OutcomeUnknown, TuppenceError, Unavailable
from gateway.web.http.application import PAGES, gateway_of
from gateway.web.http.bodies import check_body
from gateway.web.http.item_origins import check_origin_syntax, cors_headers
from gateway.web.http.problems import DEFECT, problem, problem_of, problem_of_http
from gateway.web.http.public_path import path_of, route_of
from gateway.web.http.render import wants_page

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

EXPOSED = {"Access-Control-Expose-Headers": "Date, WWW-Authenticate, Retry-After, Location"}
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key",
    "Access-Control-Max-Age": "86400",
}
API_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
}
_NAMES_A_CREATOR = ("/creators/{name}", "/creators/{name}/tips", "/t/{name}")
_READERS, _ADMIN = "/v1/", "/v1/admin/"

log = structlog.get_logger()


@web.middleware
async def outermost(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Handle one request as the module describes."""
    gateway = gateway_of(request)
    public_path = gateway.config.public_path
    path, route = path_of(request, public_path), route_of(request, public_path)
    for_readers = _is_for_readers(path)
    if for_readers and request.method == "OPTIONS":
        return web.Response(status=204, headers=PREFLIGHT | cors_headers(gateway, request, path))
    response = await _answer(gateway, request, handler, path=path, route=route)
    if not response.prepared:
        if not request.content.is_eof():
            # A body that was not read to its end would have to be read before the next request.
            response.force_close()
        _add_headers(response)
        if for_readers:
            _add_cors_headers(response, cors_headers(gateway, request, path))
    gateway.metrics.requests_of(route, response.status).inc()
    return response


async def _answer(
    gateway: Gateway, request: web.Request, handler: Handler, *, path: str, route: str
) -> web.StreamResponse:
    try:
        check_origin_syntax(request)
        check_body(request)
        await _load_named(gateway, request, route)
        return await handler(request)
    except TuppenceError as error:
        if isinstance(error, Unavailable | OutcomeUnknown):
            log.warning("unavailable", code=error.code, detail=error.detail, route=route)
        return problem_of(error, for_readers=_is_for_readers(path))
    except web.HTTPException as error:
        if isinstance(error, web.HTTPNotFound) and not path.startswith(_READERS) and wants_page(request):
            return request.app[PAGES].not_found(request)
        return problem_of_http(error)
    except ConnectionResetError:
        raise
    # The outermost handler: a defect is logged with its traceback, and the client learns nothing about it.
    except Exception:
        method = request.method if request.method in METH_ALL else "other"
        log.exception("request_failed", method=method, route=route)
        return problem(500, *DEFECT)


async def _load_named(gateway: Gateway, request: web.Request, route: str) -> None:
    """Load an item or creator that another replica has just created, if the path names one."""
    named = request.match_info
    creator = named["name"] if "name" in named and route.endswith(_NAMES_A_CREATOR) else None
    await gateway.catalog.refresh_if_unknown(item_id=named.get("item_id"), creator=creator)


def _is_for_readers(path: str) -> bool:
    return path.startswith(_READERS) and not path.startswith(_ADMIN)


def stream_headers() -> dict[str, str]:
    """The headers of a streamed response, which its handler prepares before this middleware can add them."""
    return API_HEADERS | EXPOSED | {"Access-Control-Allow-Origin": "*"}


def _add_headers(response: web.StreamResponse) -> None:
    for name, value in API_HEADERS.items():
        response.headers.setdefault(name, value)


def _add_cors_headers(response: web.StreamResponse, allowed: dict[str, str]) -> None:
    headers = response.headers
    if "Vary" in allowed and "Vary" in headers:
        allowed["Vary"] = f"{headers['Vary']}, {allowed['Vary']}"
    headers.update(EXPOSED)
    headers.update(allowed)
