"""Sealed texts at their gateway: each is an item whose paid content is the key; made once, kept for ever after."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.errors import Conflict, Invalid, Refused
from gateway.money import to_sat

Call = Callable[..., Awaitable[Any]]
ITEMS = "/v1/admin/items"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the pages of a site say of one item; empty: they do not say. The usual price is for what is new.

    `is_sealed`: it stands sealed in its pages already, so that its key must be there.
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
    is_sealed: bool = False


async def register(call: Call, wanted: Wanted) -> tuple[Mapping[str, Any], bool]:
    """The item as it stands at the gateway now, and whether anything of it was new. Its key stays.

    `call` asks the admin API. Raises what that refuses, `Conflict` (`item_not_sealed`, `item_differs`), `Invalid`
    (`item_incomplete`).
    """
    there = await find(call, wanted.item_id)
    if there is not None:
        changes = changes_of(there, wanted)
        return (await call("PATCH", f"{ITEMS}/{wanted.item_id}", json=changes) if changes else there), bool(changes)
    price_msat = wanted.price_msat or wanted.usual_price_msat
    if not wanted.creator or price_msat is None:
        raise Invalid(
            "item_incomplete",
            f"{wanted.item_id} is new: say who sells it and for how much, --creator alice --price 100sat, or "
            'creator="alice" price="100sat" in its tag.',
        )
    body = {
        "id": wanted.item_id,
        "creator": wanted.creator,
        "price_msat": price_msat,
        "title": wanted.title or wanted.item_id,
        "preview": wanted.description,
        "sealed": _sealed(wanted),
        "shares": wanted.shares,
        "allowed_origins": wanted.allowed_origins,
    }
    return await call("POST", ITEMS, json={name: value for name, value in body.items() if value is not None}), True


async def find(call: Call, item_id: str) -> Mapping[str, Any] | None:
    """The item; None when the gateway has none. Raises `Conflict` (`item_not_sealed`)."""
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
    """Whether the gateway itself has what a paywall sells, so that its page holds no part of it."""
    try:
        return bool((await call("GET", f"/v1/items/{item_id}"))["kind"] != "sealed")
    except Refused:
        return False


async def key_of(call: Call, item_id: str) -> Any:
    """An item's key, as JSON."""
    return await call("GET", f"{ITEMS}/{item_id}/content")


def changes_of(there: Mapping[str, Any], wanted: Wanted) -> dict[str, Any]:
    """What the pages say anew of an item. Raises `Conflict` (`item_differs`) where it cannot be changed."""
    _check_agreement(there, wanted)
    said: dict[str, Any] = {
        "title": wanted.title or None,
        "price_msat": wanted.price_msat,
        "shares": wanted.shares,
        "allowed_origins": wanted.allowed_origins,
    }
    changes = {name: value for name, value in said.items() if value is not None and value != there[name]}
    sealed = _sealed(wanted)
    if wanted.page_url is not None and any(there[name] != value for name, value in sealed.items()):
        changes["sealed"] = sealed
    return changes


def _check_agreement(there: Mapping[str, Any], wanted: Wanted) -> None:
    if wanted.creator and wanted.creator != there["creator"]:
        raise Conflict(
            "item_differs",
            f"{wanted.item_id} is sold by {there['creator']}, and this says {wanted.creator}. An item keeps its "
            "creator: give the page another item, or say who sells this one.",
        )
    usual = wanted.usual_price_msat
    if wanted.price_msat is None and usual is not None and usual != there["price_msat"]:
        raise Conflict(
            "item_differs",
            f"{wanted.item_id} costs {to_sat(there['price_msat'])} sat, and --price says {to_sat(usual)} sat for "
            "what is new: write the price into its tag (price=…), which then holds, or leave --price out.",
        )


def _sealed(wanted: Wanted) -> dict[str, Any]:
    return {"page_url": wanted.page_url, "word_count": wanted.word_count}
