"""Recovery codes, as keyed hashes: which payment each one opens."""

from sqlalchemy import Connection, bindparam, select

from gateway.store.insert import InsertOrIgnore
from gateway.store.tables import recoveries

_PIN = InsertOrIgnore(recoveries)
_PAYMENT_OF = select(recoveries.c.payment_hash).where(recoveries.c.code_hash == bindparam("code"))


class RecoveryRows:
    """Satisfies `ports.Recoveries`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def pin(self, code_hash: str, payment_hash: str, *, now: int) -> str:
        row = {"code_hash": code_hash, "payment_hash": payment_hash, "created_at": now}
        self._connection.execute(_PIN, row)
        owner = self.payment_of(code_hash)
        assert owner is not None, "what was pinned is there"
        return owner

    def payment_of(self, code_hash: str) -> str | None:
        return self._connection.execute(_PAYMENT_OF, {"code": code_hash}).scalar()
