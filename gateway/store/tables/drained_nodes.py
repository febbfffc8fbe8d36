"""Nodes that an operator has drained: they issue no new invoices."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, select

from gateway.store.tables.insert import InsertOrIgnore
from gateway.store.tables.schema import drained_nodes

_INSERT = InsertOrIgnore(drained_nodes)
_DELETE = delete(drained_nodes).where(drained_nodes.c.node_id == bindparam("node"))
_LIST = select(drained_nodes.c.node_id, drained_nodes.c.drained_at).order_by(drained_nodes.c.node_id)


class DrainedNodeRows:
    """Satisfies `ports.DrainedNodes`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, node_id: str, *, now: int) -> None:
        self._connection.execute(_INSERT, {"node_id": node_id, "drained_at": now})

    def delete(self, node_id: str) -> None:
        self._connection.execute(_DELETE, {"node": node_id})

    def list(self) -> Sequence[tuple[str, int]]:
        return [(row.node_id, row.drained_at) for row in self._connection.execute(_LIST)]
