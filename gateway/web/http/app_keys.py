"""The key under which an aiohttp application keeps its `Gateway`, and the accessor for handlers."""

from aiohttp import web

from gateway.app.gateway import Gateway

GATEWAY = web.AppKey("gateway", Gateway)


def gateway_of(request: web.Request) -> Gateway:
    """The gateway that serves this request."""
    return request.app[GATEWAY]
