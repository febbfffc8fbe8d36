"""Checks which sites may sell an item, so that a copy of a page elsewhere is refused before payment."""

import re
from urllib.parse import urlsplit

from aiohttp import web

from gateway.app.gateway import Gateway
from gateway.catalog.rules import WEB_ORIGIN, sold_at
from gateway.errors import Forbidden, Invalid, NotFound, Unavailable
from gateway.rows import Item
from gateway.web.http.origins import OPAQUE, is_own_host, is_own_origin

_OF_AN_ITEM = re.compile(r"/v1/items/([a-z0-9-]{1,64})(/|\Z)")


def check_origin_syntax(request: web.Request) -> None:
    """Raises `Invalid` (`origin_malformed`) if Origin cannot be parsed."""
    web_origin = request.headers.get("Origin")
    if web_origin is None:
        return
    try:
        urlsplit(web_origin)
    except ValueError as error:
        detail = "The header Origin names no origin; send it as browsers do, like https://blog.example, or not at all."
        raise Invalid("origin_malformed", detail) from error


def check_item_origin(request: web.Request, item: Item) -> None:
    """Check that a page which requests an invoice is the item's or ours; programs send no Origin.

    Raises `Forbidden` (`origin_not_allowed`).
    """
    web_origin = request.headers.get("Origin")
    if web_origin is None or sold_at(item, web_origin) or is_own_origin(request, web_origin):
        return
    # The origin of a form is opaque if its page may send no referrer.
    unnamed = web_origin == OPAQUE and request.headers.get("Sec-Fetch-Site") == "same-origin"
    if not (unnamed and is_own_host(request)):
        raise Forbidden(
            "origin_not_allowed",
            "This site may not sell this item; its creator names the sites that may. Open its own page and pay there.",
        )


def foreign_origin(request: web.Request, item: Item | None) -> str:
    """The origin of the page that sent the request, if it is neither ours nor of the item's sites; else "".

    Browsers do not send Origin with every request, but always send Sec-Fetch-Site.
    """
    crosses = request.headers.get("Sec-Fetch-Site")
    web_origin = request.headers.get("Origin") or (OPAQUE if crosses == "cross-site" else "")
    if not web_origin or crosses in {"same-origin", "same-site"} or is_own_origin(request, web_origin):
        return ""
    return "" if item is not None and web_origin in _sites(item) else web_origin


def cors_headers(gateway: Gateway, request: web.Request, path: str) -> dict[str, str]:
    """The CORS headers of a response: any origin, or the requesting one by name if the item restricts its origins.

    Refused pages may read the response too: it contains no secret, and they can show the error to the reader.
    """
    match = _OF_AN_ITEM.match(path)
    if match is None or not _is_restricted(gateway, match[1]):
        return {"Access-Control-Allow-Origin": "*"}
    web_origin = request.headers.get("Origin", "")
    is_one = web_origin == OPAQUE or WEB_ORIGIN.fullmatch(web_origin)
    return {"Vary": "Origin"} | ({"Access-Control-Allow-Origin": web_origin} if is_one else {})


def _sites(item: Item) -> tuple[str, ...]:
    return (*item.allowed_origins, "/".join((item.page_url or "").split("/", 3)[:3]))


def _is_restricted(gateway: Gateway, item_id: str) -> bool:
    try:
        return bool(gateway.catalog.item(item_id).allowed_origins)
    except (NotFound, Unavailable):
        return False
