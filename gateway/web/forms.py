"""Forms of our own pages: what must hold before one changes anything."""

from aiohttp import web

from gateway.errors import Forbidden
from gateway.web.gateway import gateway_of


def check_origin(request: web.Request) -> None:
    """A form of ours names our origin. Raises `Forbidden` (`origin_wrong`)."""
    web_origin = request.headers.get("Origin")
    if web_origin is not None and not is_ours(request, web_origin):
        raise Forbidden("origin_wrong", "This form came from another site; open the page itself and pay there.")


def is_ours(request: web.Request, web_origin: str) -> bool:
    """Whether a page of this origin is one of the gateway's own."""
    # An origin is no more than this; what is none is nobody's.
    _, _, host = web_origin.partition("://")
    return host in {request.headers.get("Host"), gateway_of(request).config.public_host}
