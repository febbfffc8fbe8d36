"""Registers sealed texts at a gateway, over its admin API. The content of such an item is its key."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.errors import Conflict, Invalid, Refused
from gateway.money import to_sat

Call = Callable[..., Awaitable[Any]]
ITEMS = "/v1/admin/items"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredItem:
    """An item as the pages of a site declare it; empty fields are not declared.

    `usual_price_msat` is the price for new items whose tags name none.
    """

    item_id: str
    title: str
    description: str
    page_url: str | None
    word_count: int
    creator: str = ""
    price_msat: int | None = None
    usual_price_msat: int | None = None
    shares: list[dict[str, Any]] | None = None
    allowed_origins: list[str] | None = None


async def register(call: Call, declared: DeclaredItem) -> tuple[Mapping[str, Any], bool]:
    """Create or update an item. Gives it as the gateway has it now, and whether anything changed.

    `call` sends a request to the admin API. Raises the API's errors, `Conflict` (`item_not_sealed`, `item_differs`)
    and `Invalid` (`item_incomplete`).
    """
    found = await find(call, declared.item_id)
    if found is not None:
        changes = changes_of(found, declared)
        return (await call("PATCH", f"{ITEMS}/{declared.item_id}", json=changes) if changes else found), bool(changes)
    price_msat = declared.price_msat or declared.usual_price_msat
    if not declared.creator or price_msat is None:
        raise Invalid(
            "item_incomplete",
            f"{declared.item_id} is new: say who sells it and for how much, --creator alice --price 100sat, or "
            'creator="alice" price="100sat" in its tag.',
        )
    body = {
        "id": declared.item_id,
        "creator": declared.creator,
        "price_msat": price_msat,
        "title": declared.title or declared.item_id,
        "preview": declared.description,
        "sealed": _sealed(declared),
        "shares": declared.shares,
        "allowed_origins": declared.allowed_origins,
    }
    return await call("POST", ITEMS, json={name: value for name, value in body.items() if value is not None}), True


async def find(call: Call, item_id: str) -> Mapping[str, Any] | None:
    """An item at the gateway, or None. Raises `Conflict` (`item_not_sealed`)."""
    try:
        item: Mapping[str, Any] = await call("GET", f"{ITEMS}/{item_id}")
    except Refused as refusal:
        if refusal.code == "item_not_found":
            return None
        raise
    if item["kind"] != "sealed":
        raise Conflict("item_not_sealed", f"{item_id} is sold as a {item['kind']} already; give the page another item.")
    return item


async def is_served(call: Call, item_id: str) -> bool:
    """Whether an item is a text or a file, whose content the gateway serves itself."""
    try:
        return bool((await call("GET", f"/v1/items/{item_id}"))["kind"] != "sealed")
    except Refused:
        return False


async def key_of(call: Call, item_id: str) -> Any:
    """The key of an item: a JSON Web Key, decoded from JSON."""
    return await call("GET", f"{ITEMS}/{item_id}/content")


def changes_of(found: Mapping[str, Any], declared: DeclaredItem) -> dict[str, Any]:
    """The changed fields, as the body of a PATCH. Raises `Conflict` (`item_differs`) for one that cannot be changed."""
    _check_agreement(found, declared)
    fields: dict[str, Any] = {
        "title": declared.title or None,
        "price_msat": declared.price_msat,
        "shares": declared.shares,
        "allowed_origins": declared.allowed_origins,
    }
    changes = {name: value for name, value in fields.items() if value is not None and value != found[name]}
    sealed = _sealed(declared)
    if declared.page_url is not None and any(found[name] != value for name, value in sealed.items()):
        changes["sealed"] = sealed
    return changes


def _check_agreement(found: Mapping[str, Any], declared: DeclaredItem) -> None:
    if declared.creator and declared.creator != found["creator"]:
        raise Conflict(
            "item_differs",
            f"{declared.item_id} is sold by {found['creator']}, and this says {declared.creator}. An item keeps its "
            "creator: give the page another item, or name that creator.",
        )
    usual = declared.usual_price_msat
    if declared.price_msat is None and usual is not None and usual != found["price_msat"]:
        raise Conflict(
            "item_differs",
            f"{declared.item_id} costs {to_sat(found['price_msat'])} sat, but --price, which is for new items, is "
            f"{to_sat(usual)} sat. To change its price, write it into the item's tag (price=…), or leave --price out.",
        )


def _sealed(declared: DeclaredItem) -> dict[str, Any]:
    return {"page_url": declared.page_url, "word_count": declared.word_count}
