"""Where creators are paid, and the change that takes effect later."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, bindparam, select, update

from gateway.rows.payouts import Destination
from gateway.store.tables.insert import InsertOrIgnore
from gateway.store.tables.schema import destinations

_INSERT = InsertOrIgnore(destinations)
_CHANGING = [column.name for column in destinations.columns if column.name != "creator"]
_UPDATE = (
    update(destinations)
    .where(destinations.c.creator == bindparam("of"))
    .values({name: bindparam(f"new_{name}") for name in _CHANGING})
)
_SELECT = select(destinations)
_BY_CREATOR = _SELECT.where(destinations.c.creator == bindparam("of"))
_LOCK = _BY_CREATOR.with_for_update()
_LIST = _SELECT.order_by(destinations.c.creator)


class DestinationRows:
    """Satisfies `ports.Destinations`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, destination: Destination) -> None:
        if self._connection.execute(_INSERT, asdict(destination)).rowcount == 0:
            values = {f"new_{name}": getattr(destination, name) for name in _CHANGING}
            self._connection.execute(_UPDATE, {"of": destination.creator, **values})

    def get(self, creator: str) -> Destination | None:
        row = self._connection.execute(_BY_CREATOR, {"of": creator}).first()
        return None if row is None else Destination(**row._mapping)

    def lock(self, creator: str) -> Destination:
        # Made first, so that two that set the first one wait for each other, too.
        empty = Destination(creator=creator, address="", next_address=None, next_at=None, changed_at=0)
        self._connection.execute(_INSERT, asdict(empty))
        return Destination(**self._connection.execute(_LOCK, {"of": creator}).one()._mapping)

    def list(self) -> Sequence[Destination]:
        return [Destination(**row._mapping) for row in self._connection.execute(_LIST)]
