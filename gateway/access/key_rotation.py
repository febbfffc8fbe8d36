"""The keys of the ring are the ones that the database knows; a new one is taken in while the gateway runs."""

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from gateway.errors import Unavailable
from gateway.ports.keys import RotatingKeyRing
from gateway.ports.store import Store
from gateway.supervise import Progress

KIND = "key"
LOOK_EVERY_SECONDS = 1.0
MINT_AFTER_SECONDS = 5.0
"""Until then every other replica has seen a new key, and knows the tokens that are made with it."""

log = structlog.get_logger()


async def pin_keys(store: Store, fingerprints: Mapping[str, str]) -> None:
    """Remember keys at first sight. Raises `Unavailable` (`keys_changed`) for one that is another than it was."""
    known = dict(await store.read(lambda tx: tx.identities.list(KIND)))
    for number, fingerprint in fingerprints.items():
        pinned = known.get(number)
        # Nothing is written about a key that is known: what was paid for opens on a database that takes nothing.
        if pinned is None:
            pinned = await store.write(lambda tx, n=number, f=fingerprint: tx.identities.pin(KIND, n, f))  # type: ignore[misc]  # bound in the loop
        if pinned != fingerprint:
            raise Unavailable(
                "keys_changed", f"keys/{number}.key is not the key that this database knows; restore it from a backup."
            )


async def lost_keys(store: Store, keys: RotatingKeyRing) -> Sequence[str]:
    """A sentence for each key that the database knows and the folder lacks. Raises `Unavailable`."""
    pinned = await store.read(lambda tx: tx.identities.list(KIND))
    return [
        f"keys/{number}.key is lost: what was sold with it stays closed until it is restored"
        for number, _ in pinned
        if number not in keys.fingerprints()
    ]


async def follow_keys(store: Store, keys: RotatingKeyRing, progress: Progress) -> None:
    """Take in what is put into the folder, for ever. Raises `Unavailable` (`keys_unreadable`, `keys_changed`)."""
    while True:
        fresh = await asyncio.to_thread(keys.read_new)
        if fresh is not None:
            await pin_keys(store, fresh.fingerprints())
            keys.adopt(fresh)
            log.info("keys_adopted", numbers=[*fresh.fingerprints()])
            await asyncio.sleep(MINT_AFTER_SECONDS)
        keys.mint_with_newest()
        progress.made()
        await asyncio.sleep(LOOK_EVERY_SECONDS)
