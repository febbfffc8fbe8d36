"""Which pages may sell an item: a copy of one, put up elsewhere, is refused before anything is charged."""

import re
from urllib.parse import urlsplit

from aiohttp import web

from gateway.app.gateway import Gateway
from gateway.catalog.rules import WEB_ORIGIN, sold_at
from gateway.errors import Forbidden, Invalid, NotFound, Unavailable
from gateway.rows import Item
from gateway.web.http.origins import OPAQUE, is_ours, reached_by_own_name

_OF_AN_ITEM = re.compile(r"/v1/items/([a-z0-9-]{1,64})(/|\Z)")


def check_origin_header(request: web.Request) -> None:
    """Raises `Invalid` (`origin_malformed`) where Origin is nothing that a browser sends."""
    web_origin = request.headers.get("Origin")
    if web_origin is None:
        return
    try:
        urlsplit(web_origin)
    except ValueError as error:
        detail = "The header Origin names no origin; send it as browsers do, like https://blog.example, or not at all."
        raise Invalid("origin_malformed", detail) from error


def check_asking_page(request: web.Request, item: Item) -> None:
    """A page that asks for an invoice is one of the item's, or ours; programs name no origin.

    Raises `Forbidden` (`origin_not_allowed`).
    """
    web_origin = request.headers.get("Origin")
    if web_origin is None or sold_at(item, web_origin) or is_ours(request, web_origin):
        return
    # A page that may send no referrer names no origin in its forms.
    unnamed = web_origin == OPAQUE and request.headers.get("Sec-Fetch-Site") == "same-origin"
    if not (unnamed and reached_by_own_name(request)):
        raise Forbidden(
            "origin_not_allowed",
            "This site may not sell this item; its creator names the sites that may. Open its own page and pay there.",
        )


def foreign_page(request: web.Request, item: Item | None) -> str:
    """The origin of a page that is neither ours nor of the item's own sites and asks by a visitor's browser; else "".

    A browser does not name the origin with every request, but says of each that it crosses sites.
    """
    crosses = request.headers.get("Sec-Fetch-Site")
    web_origin = request.headers.get("Origin") or (OPAQUE if crosses == "cross-site" else "")
    if not web_origin or crosses in {"same-origin", "same-site"} or is_ours(request, web_origin):
        return ""
    return "" if item is not None and web_origin in _sites(item) else web_origin


def readable_by(gateway: Gateway, request: web.Request, path: str) -> dict[str, str]:
    """Who may read an answer: every page; where the answer depends on the asking one, that by name.

    A refusal is for the refused page to show: it holds no secret, and without it a reader would see a broken button.
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
