"""What is sold and by whom."""

import asyncio
import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from types import MappingProxyType

import structlog

from gateway.catalog.refresh import SharedLook
from gateway.errors import Conflict, Invalid, NotFound, Unauthorized, Unavailable
from gateway.money import check_price
from gateway.ports import RandomBytes, Store, Tx
from gateway.rows import Creator, Item, ItemState, Share

SLUG = re.compile(r"[a-z0-9-]{1,64}")
ACCENT = re.compile(r"#[0-9a-f]{6}")
MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,50}/[a-z0-9.+-]{1,50}")
KEY = re.compile(r"tpk_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
DEFAULT_ACCENT = "#a4552b"
# As browsers write it in the header Origin: lower case, no path, no port that goes without saying.
WEB_ORIGIN = re.compile(r"https?://([a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?")
WITH_USUAL_PORT = re.compile(r"http://.*:80|https://.*:443")
PAGE_URL = re.compile(r"https?://([a-zA-Z0-9.-]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?(/[!$-;=?-\[\]-~]*)?")
MOST_ORIGINS = 32
LONGEST_ORIGIN = 300
LONGEST_PAGE_URL = 2_000
MOST_SHARES = 64
MOST_WEIGHT = 1_000_000
MOST_TITLE_CHARACTERS = 200
# BOLT 11 cannot carry a longer description.
MOST_MEMO_BYTES = 639
LONGEST_ACCESS_SECONDS = 100 * 366 * 86_400
# A flood of names that nobody has made asks the database fifty times a second, and no more.
LOOK_EVERY_SECONDS = 0.02

Allowed = Callable[[Tx], None]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Shelf:
    """Everything sold, as of one version."""

    version: int
    items: Mapping[str, Item]
    creators: Mapping[str, Creator]
    unreadable: tuple[str, ...] = ()


class Catalog:
    """Items and creators in memory; `refresh` looks whether another process changed them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._shelf = _Shelf(-1, MappingProxyType({}), MappingProxyType({}))
        self._refreshing = asyncio.Lock()
        self._shared_look = SharedLook(self.refresh, every_seconds=LOOK_EVERY_SECONDS)

    def item(self, item_id: str) -> Item:
        """An item, archived ones included. Raises `NotFound` (`item_not_found`)."""
        item = self._shelf.items.get(item_id)
        if item_id in self._shelf.unreadable:
            raise Unavailable("item_unreadable", f"This version cannot read the item {item_id}; upgrade the gateway.")
        if item is None:
            raise NotFound("item_not_found", "There is nothing here under this name.")
        return item

    def items(self) -> Sequence[Item]:
        """Every item, oldest first."""
        return tuple(self._shelf.items.values())

    def creator(self, name: str) -> Creator:
        """A creator. Raises `NotFound` (`creator_not_found`)."""
        creator = self._shelf.creators.get(name)
        if creator is None:
            raise NotFound("creator_not_found", "There is no creator of this name here.")
        return creator

    def creators(self) -> Sequence[Creator]:
        """Every creator, by name."""
        return tuple(self._shelf.creators.values())

    def authenticate(self, key: str) -> Creator:
        """The creator of an API key. Raises `Unauthorized` (`api_key_wrong`)."""
        match = KEY.fullmatch(key)
        if match is not None:
            secret_hash = sha256(match[2].encode()).hexdigest()
            for creator in self._shelf.creators.values():
                if creator.key_id == match[1] and hmac.compare_digest(creator.key_hash, secret_hash):
                    return creator
        raise wrong_key()

    @property
    def unreadable(self) -> Sequence[str]:
        """The items that this version cannot read."""
        return self._shelf.unreadable

    async def refresh(self) -> None:
        """Read the catalog again if it changed."""
        # One at a time: an older read never takes the place of a newer one.
        async with self._refreshing:
            if await self._store.read(lambda tx: tx.items.version()) == self._shelf.version:
                return
            known, self._shelf = self._shelf, await self._store.read(_read_shelf)
        for item_id in {*self._shelf.unreadable} - {*known.unreadable}:
            log.warning("item_unreadable", detail=f"A newer version made {item_id}: upgrade this one, too.")

    async def look(self) -> None:
        """See what others have changed up to now. Raises `Unavailable`."""
        await self._shared_look.ask()

    async def seek(self, *, item_id: str | None = None, creator: str | None = None) -> None:
        """Look once for what is not known here: another replica may just have made it. Raises `Unavailable`."""
        if _is_new(item_id, self._shelf.items) or _is_new(creator, self._shelf.creators):
            await self.look()

    async def add_creator(self, creator: Creator) -> Creator:
        """Raises `Invalid` (`creator_invalid`) and `Conflict` (`creator_exists`)."""
        _check_creator(creator)
        if not await self._store.write(lambda tx: tx.creators.insert(creator)):
            raise Conflict("creator_exists", f"There is a creator {creator.name} already; choose another name.")
        await self.refresh()
        return creator

    async def rotate_key(self, name: str, *, key_id: str, key_hash: str, instead_of: str | None = None) -> None:
        """Replace a creator's API key at once; only the one whose key_id is `instead_of`, where it is given.

        Raises `NotFound` (`creator_not_found`) and `Unauthorized` (`api_key_wrong`).
        """
        await self.seek(creator=name)
        self.creator(name)
        of = {"key_id": key_id, "key_hash": key_hash}
        if not await self._store.write(lambda tx: tx.creators.replace_key(name, **of, instead_of=instead_of)):
            raise wrong_key()
        await self.refresh()

    async def add_item(self, item: Item, *, allowed: Allowed = lambda _: None) -> Item:
        """`allowed` may refuse in the transaction that writes.

        Raises `Invalid` (`item_invalid`), `NotFound` (`creator_not_found`), `Conflict` (`item_exists`).
        """
        for name in _names(item):
            await self.seek(creator=name)
        self._check_item(item)

        def insert(tx: Tx) -> bool:
            allowed(tx)
            return tx.items.insert(item)

        if not await self._store.write(insert):
            raise Conflict("item_exists", f"There is an item {item.id} already; give another id, or edit that one.")
        await self.refresh()
        return item

    async def change_item(
        self, item_id: str, change: Callable[[Item], Item], *, now: int, allowed: Allowed = lambda _: None
    ) -> Item:
        """Apply `change` to the item as it is then; new values hold for new invoices, what was sold keeps its own.

        `allowed` may refuse in the transaction that writes.

        Raises `Invalid` (`item_invalid`), `NotFound` (`item_not_found`, `creator_not_found`).
        """

        def update(tx: Tx) -> Item:
            allowed(tx)
            item = tx.items.lock(item_id)
            if item is None:
                raise NotFound("item_not_found", f"There is no item {item_id}.")
            changed = replace(change(item), updated_at=now)
            self._check_item(changed)
            updated = tx.items.update(changed)
            assert updated, "what was read in this transaction is there"
            return changed

        changed = await self._store.write(update)
        await self.refresh()
        return changed

    def _check_item(self, item: Item) -> None:
        for name in sorted(_names(item)):
            if name not in self._shelf.creators:
                raise NotFound("creator_not_found", f"There is no creator {name!r} here; add them first.")
        check_item(item)


def check_item(item: Item) -> None:
    """Raises `Invalid` (`item_invalid`) that names the field and says what it should be."""
    if not SLUG.fullmatch(item.id):
        raise _wrong("id", "must be 1 to 64 of a-z, 0-9 and -")
    if not item.title.strip() or len(item.title) > MOST_TITLE_CHARACTERS:
        raise _wrong("title", f"must be 1 to {MOST_TITLE_CHARACTERS} characters")
    try:
        check_price(item.price_msat)
    except ValueError as error:
        raise _wrong("price_msat", str(error)) from error
    names = [share.creator for share in item.shares]
    if not 1 <= len(names) <= MOST_SHARES or len(set(names)) != len(names):
        raise _wrong("shares", f"must name 1 to {MOST_SHARES} different creators")
    if any(not 1 <= share.weight <= MOST_WEIGHT for share in item.shares):
        raise _wrong("shares", f"must have weights of 1 to {MOST_WEIGHT}")
    if not MEDIA_TYPE.fullmatch(item.media_type):
        raise _wrong("media_type", "must be like application/pdf")
    if item.access_seconds is not None and not 1 <= item.access_seconds <= LONGEST_ACCESS_SECONDS:
        raise _wrong("access_seconds", f"must be 1 to {LONGEST_ACCESS_SECONDS}, or absent for ever")
    if item.memo is not None and not 1 <= len(item.memo.encode()) <= MOST_MEMO_BYTES:
        raise _wrong("memo", f"must be 1 to {MOST_MEMO_BYTES} bytes")
    _check_pages(item)
    _check_text(item)


def _check_pages(item: Item) -> None:
    if len(item.allowed_origins) > MOST_ORIGINS:
        raise _wrong("allowed_origins", f"must be at most {MOST_ORIGINS}")
    for origin in item.allowed_origins:
        if not WEB_ORIGIN.fullmatch(origin) or len(origin) > LONGEST_ORIGIN or WITH_USUAL_PORT.fullmatch(origin):
            raise _wrong(
                "allowed_origins",
                f"holds {origin!r}; write each as a browser does: https://blog.example, in lower case, "
                "without a path, a slash at the end or the usual port",
            )
    if item.page_url is not None and (len(item.page_url) > LONGEST_PAGE_URL or not PAGE_URL.fullmatch(item.page_url)):
        raise _wrong("page_url", "must be the address of a page, like https://blog.example/essay, without a fragment")


def _check_text(item: Item) -> None:
    for field in ("title", "memo", "file_name", "preview_html"):
        if "\0" in (getattr(item, field) or ""):
            raise _wrong(field, "must not contain the character U+0000")


def wrong_key() -> Unauthorized:
    """The refusal of a key that is nobody's, or is no longer."""
    detail = "The API key is not known here; `tuppence creator key rotate` makes a new one."
    return Unauthorized("api_key_wrong", detail)


def for_sale(item: Item) -> Item:
    """The item itself. Raises `NotFound` (`item_archived`, `item_empty`)."""
    if item.byte_size == 0:
        raise NotFound("item_empty", "This has no content yet; its creator has to upload it first.")
    if item.state is ItemState.ARCHIVED:
        raise NotFound("item_archived", "This is no longer for sale; what was paid still opens.")
    return item


def sold_at(item: Item, web_origin: str) -> bool:
    """Whether a page of this origin may sell the item."""
    return not item.allowed_origins or web_origin in item.allowed_origins


def new_key(random_bytes: RandomBytes) -> tuple[str, str, str]:
    """A new API key: (the key to print once, its key_id, its key_hash)."""
    key_id, secret = random_bytes(8).hex(), urlsafe_b64encode(random_bytes(32)).rstrip(b"=").decode()
    return f"tpk_{key_id}_{secret}", key_id, sha256(secret.encode()).hexdigest()


def split_of(creator: str, others: Sequence[Share]) -> tuple[Share, ...]:
    """The creator's share is what the others' percentages leave of 100. Raises `Invalid` (`item_invalid`)."""
    rest = 100 - sum(share.weight for share in others)
    if rest < 0:
        raise _wrong("shares", "of the others sum to more than 100")
    own = (Share(creator=creator, weight=rest),) if rest else ()
    return (*own, *others)


def _check_creator(creator: Creator) -> None:
    if not SLUG.fullmatch(creator.name):
        raise Invalid("creator_invalid", "name must be 1 to 64 of a-z, 0-9 and -")
    if not creator.title.strip() or len(creator.title) > MOST_TITLE_CHARACTERS or "\0" in creator.title:
        raise Invalid("creator_invalid", f"title must be 1 to {MOST_TITLE_CHARACTERS} characters, none of them U+0000")
    if not ACCENT.fullmatch(creator.accent):
        raise Invalid("creator_invalid", "accent must be a colour like #a4552b")


def _is_new(name: str | None, known: Mapping[str, object]) -> bool:
    return name is not None and name not in known and SLUG.fullmatch(name) is not None


def _names(item: Item) -> set[str]:
    return {item.creator, *(share.creator for share in item.shares)}


def _read_shelf(tx: Tx) -> _Shelf:
    items = {item.id: item for item in tx.items.list()}
    creators = {creator.name: creator for creator in tx.creators.list()}
    version, unreadable = tx.items.version(), tuple(tx.items.passed_over)
    return _Shelf(version, MappingProxyType(items), MappingProxyType(creators), unreadable)


def _wrong(field: str, what: str) -> Invalid:
    return Invalid("item_invalid", f"{field} {what}")
