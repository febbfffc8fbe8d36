"""Reads who asks for an invoice from a request."""

from collections.abc import Sequence

from aiohttp import web

from gateway.access.tokens import Credential
from gateway.rows import Invoice, Item
from gateway.sales.purchase import Buyer
from gateway.web.http.forwarded import client_key
from gateway.web.http.item_origins import check_item_origin, foreign_origin
from gateway.wire.l402.credential import parse_authorization


def api_buyer(request: web.Request, item: Item | None) -> Buyer:
    """The client of an API request: its own `Idempotency-Key`, and the origin of the page that asks through it.

    Raises `Forbidden` (`origin_not_allowed`) if that page may not sell the item.
    """
    key = client_key(request)
    if item is not None:
        check_item_origin(request, item)
    return Buyer(
        client_key=key,
        foreign_origin=foreign_origin(request, item),
        idempotency_key=request.headers.get("Idempotency-Key"),
        credentials=credentials_of(request),
    )


def page_buyer(request: web.Request, earlier: Sequence[Invoice]) -> Buyer:
    """The client of a form on one of our own pages, whose cookie holds tokens for `earlier` invoices."""
    return Buyer(client_key=client_key(request), credentials=credentials_of(request), earlier=earlier)


def credentials_of(request: web.Request) -> list[tuple[str, Credential]]:
    """As `parse_authorization`, of every `Authorization` line of the request."""
    return parse_authorization(request.headers.getall("Authorization", ()))
