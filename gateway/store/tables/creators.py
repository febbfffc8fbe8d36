"""Creators, by name and by API key. Every change advances the catalog's version."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, Row, String, bindparam, func, select, update

from gateway.rows import Creator
from gateway.store.tables.counters import advance
from gateway.store.tables.insert import InsertOrIgnore
from gateway.store.tables.schema import CATALOG_VERSION, creators

_INSERT = InsertOrIgnore(creators)
_SELECT = select(creators)
_REPLACE_KEY = (
    update(creators)
    .where(creators.c.name == bindparam("creator"))
    # Of two concurrent replacements of one key, the second finds it already replaced.
    .where(creators.c.key_id == func.coalesce(bindparam("old_key_id", type_=String), creators.c.key_id))
    .values(key_id=bindparam("new_key_id"), key_hash=bindparam("new_key_hash"))
)
_HAS_KEY = (
    select(creators.c.name)
    .where(creators.c.name == bindparam("creator"), creators.c.key_id == bindparam("its_id"))
    .with_for_update(read=True)
)


class CreatorRows:
    """Satisfies `ports.Creators`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, creator: Creator) -> bool:
        return self._moved(self._connection.execute(_INSERT, asdict(creator)).rowcount == 1)

    def list(self) -> Sequence[Creator]:
        return [_creator(row) for row in self._connection.execute(_SELECT.order_by(creators.c.name))]

    def has_key(self, name: str, key_id: str) -> bool:
        values = {"creator": name, "its_id": key_id}
        return self._connection.execute(_HAS_KEY, values).first() is not None

    def replace_key(self, name: str, *, key_id: str, key_hash: str, instead_of: str | None = None) -> bool:
        values = {"creator": name, "new_key_id": key_id, "new_key_hash": key_hash, "old_key_id": instead_of}
        return self._moved(self._connection.execute(_REPLACE_KEY, values).rowcount == 1)

    def _moved(self, changed: bool) -> bool:  # noqa: FBT001  # the outcome, passed through
        if changed:
            advance(self._connection, CATALOG_VERSION, by=1)
        return changed


def _creator(row: Row) -> Creator:  # type: ignore[type-arg]
    return Creator(**row._mapping)
