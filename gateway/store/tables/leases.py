"""Leases, timed by the database's clock so that the clocks of replicas need not agree."""

from typing import Any

from sqlalchemy import BigInteger, Connection, bindparam, delete, or_, select, update
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from gateway.store.tables.insert import InsertOrIgnore
from gateway.store.tables.schema import leases


class _NowMs(FunctionElement[int]):
    """Milliseconds since 1970, UTC, by the database's clock."""

    inherit_cache = True
    type = BigInteger()


@compiles(_NowMs, "sqlite")
def _on_sqlite(_element: _NowMs, _compiler: SQLCompiler, **_options: Any) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"


@compiles(_NowMs, "postgresql")
def _on_postgresql(_element: _NowMs, _compiler: SQLCompiler, **_options: Any) -> str:
    # The time of this statement. now() is the time of the transaction's begin, before any wait for a lock.
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"


_UNTIL = _NowMs() + bindparam("ms", type_=BigInteger)
_FREE = InsertOrIgnore(leases).values(name=bindparam("lease"), holder=bindparam("taker"), expires_at_ms=_UNTIL)
_TAKE = (
    update(leases)
    .where(
        leases.c.name == bindparam("lease"),
        or_(leases.c.holder == bindparam("taker"), leases.c.expires_at_ms <= _NowMs()),
    )
    .values(holder=bindparam("taker"), expires_at_ms=_UNTIL)
)
_GIVE_BACK = delete(leases).where(leases.c.name == bindparam("lease"), leases.c.holder == bindparam("giver"))


class LeaseRows:
    """Satisfies `ports.Leases`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def take(self, name: str, holder: str, *, seconds: float) -> bool:
        values = {"lease": name, "taker": holder, "ms": int(seconds * 1_000)}
        return any(self._connection.execute(statement, values).rowcount == 1 for statement in (_TAKE, _FREE))

    def give_back(self, name: str, holder: str) -> None:
        self._connection.execute(_GIVE_BACK, {"lease": name, "giver": holder})

    def now_ms(self) -> int:
        return database_now_ms(self._connection)


def database_now_ms(connection: Connection) -> int:
    """The database's clock: milliseconds since 1970, UTC."""
    return int(connection.execute(select(_NowMs())).scalar_one())
