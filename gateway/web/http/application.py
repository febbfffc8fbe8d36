"""The values that an aiohttp application keeps for its handlers: the `Gateway`, and the pages for browsers."""

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from gateway.app.gateway import Gateway
from gateway.rows import Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """The pages that browsers get in place of a problem document, set by `web.serve`."""

    not_found: Callable[[web.Request], web.Response]
    payment_required: Callable[[web.Request, Item], web.Response]


GATEWAY = web.AppKey("gateway", Gateway)
PAGES = web.AppKey("pages", Pages)


def gateway_of(request: web.Request) -> Gateway:
    """The gateway that serves this request."""
    return request.app[GATEWAY]
