"""Values that must be the same at every start: public keys of nodes, fingerprints of the key ring."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, select

from gateway.store.tables.insert import InsertOrIgnore
from gateway.store.tables.schema import identities

_PIN = InsertOrIgnore(identities)
_VALUE = select(identities.c.value).where(
    identities.c.kind == bindparam("of"), identities.c.name == bindparam("called")
)
_LIST = (
    select(identities.c.name, identities.c.value)
    .where(identities.c.kind == bindparam("of"))
    .order_by(identities.c.name)
)


class IdentityRows:
    """Satisfies `ports.Identities`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def pin(self, kind: str, name: str, value: str) -> str:
        self._connection.execute(_PIN, {"kind": kind, "name": name, "value": value})
        return str(self._connection.execute(_VALUE, {"of": kind, "called": name}).scalar_one())

    def list(self, kind: str) -> Sequence[tuple[str, str]]:
        return [(row.name, row.value) for row in self._connection.execute(_LIST, {"of": kind})]
