"""Key rotation: fingerprints of the keys are pinned in the database, and new keys are adopted while running."""

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from gateway.errors import Unavailable
from gateway.ports.keys import RotatingKeyRing
from gateway.ports.store import Store
from gateway.supervise import Progress

KIND = "key"

log = structlog.get_logger()


async def pin_keys(store: Store, fingerprints: Mapping[str, str]) -> None:
    """Pin the fingerprints of new keys. Raises `Unavailable` (`keys_changed`) where a pinned one differs."""
    known = dict(await store.read(lambda tx: tx.identities.list(KIND)))
    for number, fingerprint in fingerprints.items():
        pinned = known.get(number)
        # A pinned key is not written again, so that paid content opens while the database is read-only.
        if pinned is None:
            pinned = await store.write(lambda tx, n=number, f=fingerprint: tx.identities.pin(KIND, n, f))  # type: ignore[misc]  # bound in the loop
        if pinned != fingerprint:
            raise Unavailable(
                "keys_changed", f"keys/{number}.key is not the key that this database knows; restore it from a backup."
            )


async def lost_keys(store: Store, keys: RotatingKeyRing) -> Sequence[str]:
    """A sentence for each pinned key that the ring lacks. Raises `Unavailable`."""
    pinned = await store.read(lambda tx: tx.identities.list(KIND))
    return [
        f"keys/{number}.key is lost: what was sold with it stays closed until it is restored"
        for number, _ in pinned
        if number not in keys.fingerprints()
    ]


async def follow_keys(
    store: Store, keys: RotatingKeyRing, progress: Progress, *, every_seconds: float, mint_after_seconds: float
) -> None:
    """Adopt keys as they are added, for ever; a new one mints after a wait.

    Raises `Unavailable` (`keys_unreadable`, `keys_changed`).
    """
    while True:
        fresh = await asyncio.to_thread(keys.read_new)
        if fresh is not None:
            await pin_keys(store, fresh.fingerprints())
            keys.adopt(fresh)
            log.info("keys_adopted", numbers=[*fresh.fingerprints()])
            await asyncio.sleep(mint_after_seconds)
        keys.mint_with_newest()
        progress.made()
        await asyncio.sleep(every_seconds)
