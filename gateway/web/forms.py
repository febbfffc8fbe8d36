"""Forms of our own pages: what must hold before one changes anything."""

from urllib.parse import urlsplit

from aiohttp import web

from gateway.errors import Forbidden
from gateway.web.gateway import gateway_of


def check_origin(request: web.Request) -> None:
    """A form of ours names our origin. Raises `Forbidden` (`origin_wrong`)."""
    origin = request.headers.get("Origin")
    ours = {request.host, gateway_of(request).config.public_host}
    if origin is not None and urlsplit(origin).netloc not in ours:
        raise Forbidden("origin_wrong", "This form came from another site; open the page itself and pay there.")
