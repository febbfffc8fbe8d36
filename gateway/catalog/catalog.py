"""The catalog: the items on sale and their creators, kept in memory and written to the store."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import structlog

from gateway.catalog.api_keys import OPERATOR, Caller, wrong_key
from gateway.catalog.coalesced_refresh import CoalescedRefresh
from gateway.catalog.rules import SLUG, check_creator, check_item, is_listed
from gateway.errors import Conflict, NotFound, Unavailable
from gateway.ports.store import Store, Tx
from gateway.rows import Creator, Item

# Requests for unknown names query the database at most 50 times a second, however many come.
REFRESH_EVERY_SECONDS = 0.02

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """All items and creators as of one version of the catalog, and what is on sale: all of it, and by creator."""

    version: int
    items: Mapping[str, Item]
    creators: Mapping[str, Creator]
    listed: Sequence[Item] = ()
    listed_by: Mapping[str, Sequence[Item]] = field(default_factory=dict)
    unreadable: tuple[str, ...] = ()


class Catalog:
    """Items and creators in memory. A version counter in the database says when another process changed them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._snapshot = _Snapshot(-1, MappingProxyType({}), MappingProxyType({}))
        self._refreshing = asyncio.Lock()
        self._coalesced = CoalescedRefresh(self.refresh, every_seconds=REFRESH_EVERY_SECONDS)

    def item(self, item_id: str) -> Item:
        """An item, active or archived. Raises `NotFound` (`item_not_found`), `Unavailable` (`item_unreadable`)."""
        item = self._snapshot.items.get(item_id)
        if item_id in self._snapshot.unreadable:
            raise Unavailable("item_unreadable", f"This version cannot read the item {item_id}; upgrade the gateway.")
        if item is None:
            raise NotFound("item_not_found", "There is nothing here under this name.")
        return item

    def find_item(self, item_id: str | None) -> Item | None:
        """An item, active or archived; None if it is not in the catalog or this version cannot read it."""
        return None if item_id is None else self._snapshot.items.get(item_id)

    def items(self) -> Sequence[Item]:
        """Every item, oldest first."""
        return tuple(self._snapshot.items.values())

    def listed(self) -> Sequence[Item]:
        """The items on sale that anyone can see, newest first."""
        return self._snapshot.listed

    def listed_by(self, creator: str) -> Sequence[Item]:
        """The items on sale of one creator, newest first."""
        return self._snapshot.listed_by.get(creator, ())

    def has_more_by(self, creator: str, *, than: Item) -> bool:
        """Whether a creator has something on sale other than an item."""
        return any(item.id != than.id for item in self.listed_by(creator))

    def creator(self, name: str) -> Creator:
        """A creator by name. Raises `NotFound` (`creator_not_found`)."""
        creator = self.find_creator(name)
        if creator is None:
            raise NotFound("creator_not_found", "There is no creator of this name here.")
        return creator

    def find_creator(self, name: str) -> Creator | None:
        """A creator by name, or None."""
        return self._snapshot.creators.get(name)

    def creators(self) -> Sequence[Creator]:
        """Every creator, ordered by name."""
        return tuple(self._snapshot.creators.values())

    @property
    def unreadable(self) -> Sequence[str]:
        """Ids of the items that this version of the gateway cannot read."""
        return self._snapshot.unreadable

    async def refresh(self) -> None:
        """Read the catalog again if its version changed."""
        # One at a time: an older read must not replace a newer one.
        async with self._refreshing:
            if await self._store.read(lambda tx: tx.items.version()) == self._snapshot.version:
                return
            known, self._snapshot = self._snapshot, await self._store.read(_read_snapshot)
        for item_id in {*self._snapshot.unreadable} - {*known.unreadable}:
            log.warning("item_unreadable", detail=f"A newer version made {item_id}: upgrade this one, too.")

    async def refresh_coalesced(self) -> None:
        """Refresh, sharing one read among concurrent callers. Raises `Unavailable`."""
        await self._coalesced.run()

    async def refresh_if_unknown(self, *, item_id: str | None = None, creator: str | None = None) -> None:
        """Refresh once for a name that is unknown here: another replica may have added it. Raises `Unavailable`."""
        if _is_new(item_id, self._snapshot.items) or _is_new(creator, self._snapshot.creators):
            await self.refresh_coalesced()

    async def add_creator(self, creator: Creator) -> Creator:
        """Add a creator. Raises `Invalid` (`creator_invalid`) and `Conflict` (`creator_exists`)."""
        check_creator(creator)
        if not await self._store.write(lambda tx: tx.creators.insert(creator)):
            raise Conflict("creator_exists", f"There is a creator {creator.name} already; choose another name.")
        await self.refresh()
        return creator

    async def rotate_key(
        self, name: str, *, key_id: str, key_hash: str, now: int, instead_of: str | None = None
    ) -> str | None:
        """Replace a creator's API key; with `instead_of`, only if the present key has that key_id.

        Without it, a change of destination that is under way is dropped, as whoever had the old key may have made it:
        returns the address that does not take effect. Raises `NotFound` (`creator_not_found`) and `Unauthorized`
        (`api_key_wrong`).
        """
        await self.refresh_if_unknown(creator=name)
        self.creator(name)

        def rotate(tx: Tx) -> str | None:
            if not tx.creators.replace_key(name, key_id=key_id, key_hash=key_hash, instead_of=instead_of):
                raise wrong_key()
            return _drop_change(tx, name, now=now) if instead_of is None else None

        dropped = await self._store.write(rotate)
        await self.refresh()
        return dropped

    async def add_item(self, item: Item, *, caller: Caller = OPERATOR) -> Item:
        """Add an item, if the caller's key still holds.

        Raises `Invalid` (`item_invalid`), `NotFound` (`creator_not_found`), `Conflict` (`item_exists`), `Unauthorized`.
        """
        for name in _names(item):
            await self.refresh_if_unknown(creator=name)
        self._check_item(item)

        def insert(tx: Tx) -> bool:
            caller.check(tx)
            return tx.items.insert(item)

        if not await self._store.write(insert):
            raise Conflict("item_exists", f"There is an item {item.id} already; give another id, or edit that one.")
        await self.refresh()
        return item

    async def change_item(
        self, item_id: str, change: Callable[[Item], Item], *, now: int, caller: Caller = OPERATOR
    ) -> Item:
        """Apply `change` to the newest state of an item, if the caller's key still holds.

        New invoices use the new values; earlier ones keep what they sold. Raises `Invalid` (`item_invalid`), `NotFound`
        (`item_not_found`, `creator_not_found`), `Unauthorized`.
        """

        def update(tx: Tx) -> Item:
            caller.check(tx)
            item = tx.items.lock(item_id)
            if item is None:
                raise NotFound("item_not_found", f"There is no item {item_id}.")
            changed = replace(change(item), updated_at=now)
            self._check_item(changed)
            updated = tx.items.update(changed)
            assert updated, "the row is locked in this transaction"
            return changed

        changed = await self._store.write(update)
        await self.refresh()
        return changed

    def _check_item(self, item: Item) -> None:
        for name in sorted(_names(item)):
            if name not in self._snapshot.creators:
                raise NotFound("creator_not_found", f"There is no creator {name!r} here; add them first.")
        check_item(item)


def _is_new(name: str | None, known: Mapping[str, object]) -> bool:
    return name is not None and name not in known and SLUG.fullmatch(name) is not None


def _names(item: Item) -> set[str]:
    return {item.creator, *(share.creator for share in item.shares)}


def _drop_change(tx: Tx, creator: str, *, now: int) -> str | None:
    """Drop a change of destination. The old key makes none meanwhile: who checks it holds the creator's row."""
    found = tx.destinations.get(creator)
    pending = found.pending_at(now) if found is not None else None
    if found is not None and pending is not None:
        tx.destinations.put(replace(found, next_address=None, next_at=None, changed_at=now))
    return pending


def _read_snapshot(tx: Tx) -> _Snapshot:
    items = {item.id: item for item in tx.items.list()}
    creators = {creator.name: creator for creator in tx.creators.list()}
    listed = tuple(item for item in reversed(items.values()) if is_listed(item))
    listed_by: defaultdict[str, list[Item]] = defaultdict(list)
    for item in listed:
        listed_by[item.creator].append(item)
    return _Snapshot(
        version=tx.items.version(),
        items=MappingProxyType(items),
        creators=MappingProxyType(creators),
        listed=listed,
        listed_by=MappingProxyType(listed_by),
        unreadable=tuple(tx.items.passed_over),
    )
