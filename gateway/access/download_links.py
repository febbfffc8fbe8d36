"""Signed links to one item's content, because a browser can neither download nor seek with a header."""

import hmac

from gateway.errors import Forbidden
from gateway.ports.keys import KeyRing
from gateway.rows import Item

LINK_SECONDS = 3600
_CONTENT_CHARACTERS = 12


def link_ends_at(now: int, valid_until: int | None) -> int:
    """When a link made now ends (unix seconds): after an hour, and never after the access."""
    ends_at = now + LINK_SECONDS
    return ends_at if valid_until is None else min(ends_at, valid_until)


def download_path(keys: KeyRing, item: Item, *, expires_at: int) -> str:
    """A signed path to an item's content; it says which content that was."""
    content = content_of(item)
    signature = _sign(keys, item.id, str(expires_at), content)
    return f"/v1/items/{item.id}/download?expires={expires_at}&content={content}&signature={signature}"


def content_of(item: Item) -> str:
    """The name of an item's content in a link."""
    return item.digest[:_CONTENT_CHARACTERS]


def check_link(keys: KeyRing, item_id: str, *, expires: str, content: str, signature: str, now: float) -> None:
    """Raises `Forbidden` (`link_wrong`, `link_expired`)."""
    if not hmac.compare_digest(_sign(keys, item_id, expires, content).encode(), signature.encode()):
        raise Forbidden("link_wrong", "This link was not made here; open the item again for a new one.")
    if now >= int(expires):
        raise Forbidden("link_expired", "This link has expired; open the item again for a new one.")


def _sign(keys: KeyRing, item_id: str, expires: str, content: str) -> str:
    return keys.keyed_hash("download", f"{item_id}\0{expires}\0{content}")
