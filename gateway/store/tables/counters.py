"""Counters that increase in commit order: advancing one locks its row until the transaction ends."""

from sqlalchemy import Connection, bindparam, delete, select, update

from gateway.store.tables.insert import InsertOrIgnore
from gateway.store.tables.schema import counters

_CREATE = InsertOrIgnore(counters)
_CURRENT = select(counters.c.value).where(counters.c.name == bindparam("counter"))
_ADVANCE = (
    update(counters)
    .where(counters.c.name == bindparam("counter"))
    .values(value=counters.c.value + bindparam("by"))
    .returning(counters.c.value)
)
_MOVE = (
    update(counters)
    .where(counters.c.name == bindparam("counter"), counters.c.value == bindparam("since"))
    .values(value=bindparam("to"))
)
_PROBE = "write_probe"
_REMOVE = delete(counters).where(counters.c.name == bindparam("counter"))


def advance(connection: Connection, name: str, *, by: int) -> int:
    """Add `by` to a counter, creating it where it does not exist; returns its new value."""
    value = connection.execute(_ADVANCE, {"counter": name, "by": by}).scalar()
    if value is None:
        connection.execute(_CREATE, {"name": name, "value": 0})
        value = connection.execute(_ADVANCE, {"counter": name, "by": by}).scalar_one()
    return int(value)


def move(connection: Connection, name: str, *, since: int, to: int) -> None:
    """Set a counter that was read as `since` to `to`, unless another transaction has changed it since."""
    connection.execute(_CREATE, {"name": name, "value": 0})
    connection.execute(_MOVE, {"counter": name, "since": since, "to": to})


def current(connection: Connection, name: str) -> int:
    """A counter's value; 0 where it does not exist yet."""
    return int(connection.execute(_CURRENT, {"counter": name}).scalar() or 0)


def probe_write(connection: Connection) -> None:
    """Insert a counter and delete it, so that a page is written although its content stays the same."""
    connection.execute(_CREATE, {"name": _PROBE, "value": 0})
    connection.execute(_REMOVE, {"counter": _PROBE})
