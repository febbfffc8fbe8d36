"""The outermost middleware: errors become problems, every answer gets its headers, every request is counted."""

from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web
from aiohttp.hdrs import METH_ALL

from gateway.errors import OutcomeUnknown, TuppenceError, Unavailable
from gateway.web.gateway import gateway_of
from gateway.web.origins import check_origin_header, readable_by
from gateway.web.problems import DEFECT, problem, problem_of, problem_of_http
from gateway.web.public_path import path_of, route_of
from gateway.web.received import check_body
from gateway.web.render import not_found_page, wants_page

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
_OF_CREATORS = ("/creators/{name}", "/creators/{name}/tips", "/t/{name}")
_READERS, _ADMIN = "/v1/", "/v1/admin/"

log = structlog.get_logger()


@web.middleware
async def edge(request: web.Request, handler: Handler) -> web.StreamResponse:
    """See the module."""
    path = path_of(request)
    for_readers = path.startswith(_READERS) and not path.startswith(_ADMIN)
    if for_readers and request.method == "OPTIONS":
        return web.Response(status=204, headers=PREFLIGHT | readable_by(request))
    response = await _answer(request, handler, for_readers=for_readers)
    if not response.prepared:
        if not request.content.is_eof():
            # A body that nobody wanted whole is not read to its end for the next request.
            response.force_close()
        _add_headers(response)
        if for_readers:
            _let_read(request, response)
    _count(request, response.status)
    return response


async def _answer(request: web.Request, handler: Handler, *, for_readers: bool) -> web.StreamResponse:
    try:
        check_origin_header(request)
        check_body(request)
        await _seek(request)
        return await handler(request)
    except TuppenceError as error:
        if isinstance(error, Unavailable | OutcomeUnknown):
            log.warning("unavailable", code=error.code, detail=error.detail, route=route_of(request))
        return problem_of(error, for_readers=for_readers)
    except web.HTTPException as error:
        if isinstance(error, web.HTTPNotFound) and not path_of(request).startswith(_READERS) and wants_page(request):
            return not_found_page(request)
        return problem_of_http(error)
    except ConnectionResetError:
        raise
    # The edge of the process: a defect is logged whole, and its asker learns nothing of it.
    except Exception:
        method = request.method if request.method in METH_ALL else "other"
        log.exception("request_failed", method=method, route=route_of(request))
        return problem(500, *DEFECT)


async def _seek(request: web.Request) -> None:
    """What another replica has just made is here, too, for who asks for it by name."""
    named = request.match_info
    creator = named["name"] if "name" in named and route_of(request).endswith(_OF_CREATORS) else None
    await gateway_of(request).catalog.seek(item_id=named.get("item_id"), creator=creator)


def stream_headers() -> dict[str, str]:
    """Headers of an answer that its handler prepares itself, before this middleware sees it."""
    return API_HEADERS | EXPOSED | {"Access-Control-Allow-Origin": "*"}


def _add_headers(response: web.StreamResponse) -> None:
    headers = response.headers
    for name, value in API_HEADERS.items():
        if name not in headers:
            headers[name] = value


def _let_read(request: web.Request, response: web.StreamResponse) -> None:
    allowed = EXPOSED | readable_by(request)
    varies = [response.headers.get("Vary"), allowed.pop("Vary", None)]
    response.headers.update(allowed)
    if any(varies):
        response.headers["Vary"] = ", ".join(filter(None, varies))


def _count(request: web.Request, status: int) -> None:
    gateway_of(request).metrics.requests.labels(route_of(request), status).inc()
