"""Signed links to an item's content, for browsers, which send no Authorization header when they download or seek."""

import hmac
from dataclasses import dataclass

from gateway.access.tokens import earliest
from gateway.errors import Forbidden
from gateway.ports.keys import KeyRing
from gateway.rows import Item

LINK_SECONDS = 3600
_CONTENT_CHARACTERS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadLink:
    """The fields of a signed link: item, payment, the name of the content, and when it ends (unix seconds)."""

    item_id: str
    payment_hash: str
    expires_at: int
    content: str
    signature: str


def sign_link(keys: KeyRing, item: Item, payment_hash: str, *, now: int, valid_until: int | None) -> DownloadLink:
    """A link to an item's present content. It ends after an hour, or earlier, with the access, at `valid_until`."""
    expires_at = earliest(now + LINK_SECONDS, valid_until)
    assert expires_at is not None, "an hour is a limit"
    content = content_of(item)
    signature = _sign(keys, item.id, payment_hash, str(expires_at), content)
    return DownloadLink(
        item_id=item.id, payment_hash=payment_hash, expires_at=expires_at, content=content, signature=signature
    )


def content_of(item: Item) -> str:
    """The name of an item's content in a link."""
    return item.digest[:_CONTENT_CHARACTERS]


def check_link(
    keys: KeyRing, item_id: str, *, payment_hash: str, expires: str, content: str, signature: str, now: float
) -> None:
    """Check what a link carries, as text. Raises `Forbidden` (`link_wrong`, `link_expired`)."""
    if not hmac.compare_digest(_sign(keys, item_id, payment_hash, expires, content).encode(), signature.encode()):
        raise Forbidden("link_wrong", "This link was not made here; open the item again for a new one.")
    if now >= int(expires):
        raise Forbidden("link_expired", "This link has expired; open the item again for a new one.")


def _sign(keys: KeyRing, item_id: str, payment_hash: str, expires: str, content: str) -> str:
    return keys.keyed_hash("download", f"{item_id}\0{payment_hash}\0{expires}\0{content}")
