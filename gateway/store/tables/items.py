"""Items. Every change advances the catalog's version, which tells other processes to read them again."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from gateway.errors import Unavailable
from gateway.money import Msat
from gateway.rows import Item, ItemKind, ItemState, PreviewSource, Share
from gateway.store.tables.counters import advance, current
from gateway.store.tables.insert import InsertOrIgnore
from gateway.store.tables.schema import CATALOG_VERSION, items

_INSERT = InsertOrIgnore(items)
_SELECT = select(items)
_BY_ID = _SELECT.where(items.c.id == bindparam("item_id"))
# SQLite has one writer at a time; its dialect leaves FOR UPDATE out.
_LOCK = _BY_ID.with_for_update()
_CHANGING = [column.name for column in items.columns if column.name not in {"id", "created_at"}]
_UPDATE = (
    update(items)
    .where(items.c.id == bindparam("item_id"))
    .values({name: bindparam(f"new_{name}") for name in _CHANGING})
)


class ItemRows:
    """Satisfies `ports.Items`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.passed_over: list[str] = []

    def insert(self, item: Item) -> bool:
        if self._connection.execute(_INSERT, _columns(item)).rowcount == 0:
            return False
        advance(self._connection, CATALOG_VERSION, by=1)
        return True

    def update(self, item: Item) -> bool:
        columns = _columns(item)
        values = {f"new_{name}": columns[name] for name in _CHANGING}
        if self._connection.execute(_UPDATE, {"item_id": item.id, **values}).rowcount == 0:
            return False
        advance(self._connection, CATALOG_VERSION, by=1)
        return True

    def get(self, item_id: str) -> Item | None:
        row = self._connection.execute(_BY_ID, {"item_id": item_id}).first()
        return None if row is None else _item(row)

    def lock(self, item_id: str) -> Item | None:
        row = self._connection.execute(_LOCK, {"item_id": item_id}).first()
        return None if row is None else _item(row)

    def list(self) -> Sequence[Item]:
        found = []
        for row in self._connection.execute(_SELECT.order_by(items.c.created_at, items.c.id)):
            try:
                found.append(_item(row))
            except Unavailable:
                self.passed_over.append(row.id)
        return found

    def version(self) -> int:
        return current(self._connection, CATALOG_VERSION)


def unreadable(item_id: str) -> Unavailable:
    """The error (`item_unreadable`) about an item that a newer version wrote."""
    detail = f"This version cannot read the item {item_id}: a newer one made it. Upgrade this gateway, too."
    return Unavailable("item_unreadable", detail, retry_after_seconds=60)


@lru_cache(maxsize=4_096)
def shares_to_text(shares: tuple[Share, ...]) -> str:
    """Shares in the form of a column: [["alice",70],["bob",30]]."""
    return json.dumps([[share.creator, share.weight] for share in shares], separators=(",", ":"))


@lru_cache(maxsize=4_096)
def shares_from_text(text: str) -> tuple[Share, ...]:
    """Shares from the form of a column."""
    return tuple(Share(creator=creator, weight=weight) for creator, weight in json.loads(text))


def _columns(item: Item) -> dict[str, Any]:
    return asdict(item) | {
        "shares": shares_to_text(item.shares),
        "allowed_origins": json.dumps(item.allowed_origins),
    }


def _item(row: Row) -> Item:  # type: ignore[type-arg]
    """Raises `Unavailable` (`item_unreadable`) for what a newer version wrote."""
    columns = dict(row._mapping)
    try:
        columns |= {
            "kind": ItemKind(row.kind),
            "state": ItemState(row.state),
            "price_msat": Msat(row.price_msat),
            "shares": shares_from_text(row.shares),
            "allowed_origins": tuple(json.loads(row.allowed_origins)),
            "preview_source": PreviewSource(row.preview_source),
        }
    except (ValueError, TypeError) as error:
        raise unreadable(row.id) from error
    return Item(**columns)
