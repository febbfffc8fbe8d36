"""Adds creators and replaces their API keys."""

from gateway.catalog.api_keys import Caller, new_key
from gateway.catalog.catalog import Catalog
from gateway.catalog.rules import DEFAULT_ACCENT
from gateway.ports.random_bytes import RandomBytes
from gateway.rows import Creator


async def add_creator(
    catalog: Catalog, random_bytes: RandomBytes, name: str, *, title: str | None, accent: str | None, now: int
) -> tuple[Creator, str]:
    """Add a creator; returns them with their API key, which is not stored.

    The title defaults to the name. Raises `Invalid` (`creator_invalid`) and `Conflict`
    (`creator_exists`).
    """
    key, key_id, key_hash = new_key(random_bytes)
    creator = Creator(
        name=name,
        title=title or name,
        accent=accent or DEFAULT_ACCENT,
        key_id=key_id,
        key_hash=key_hash,
        created_at=now,
    )
    return await catalog.add_creator(creator), key


async def replace_key(
    catalog: Catalog, random_bytes: RandomBytes, name: str, *, caller: Caller, now: int
) -> tuple[Creator, str, str | None]:
    """Replace a creator's API key at once, if the caller's own still holds; returns the creator and the new key.

    The operator's word also drops a change of destination that is under way: its address is returned, too.
    Raises `NotFound` (`creator_not_found`), `Forbidden` (`not_yours`) and `Unauthorized` (`api_key_wrong`).
    """
    creator = catalog.creator(name)
    caller.may_sell_as(creator.name)
    key, key_id, key_hash = new_key(random_bytes)
    dropped = await catalog.rotate_key(
        creator.name, key_id=key_id, key_hash=key_hash, now=now, instead_of=caller.key_id
    )
    return creator, key, dropped
