"""Recovery codes, stored as keyed hashes: the payment that each opens, and which one-time codes were used."""

from sqlalchemy import Connection, bindparam, select

from gateway.store.tables.insert import InsertOrIgnore
from gateway.store.tables.schema import recoveries, used_codes

_PIN = InsertOrIgnore(recoveries)
_USE = InsertOrIgnore(used_codes)
_PAYMENT_OF = select(recoveries.c.payment_hash).where(recoveries.c.code_hash == bindparam("code"))


class RecoveryRows:
    """Satisfies `ports.Recoveries`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def pin(self, code_hash: str, payment_hash: str, *, now: int) -> str:
        row = {"code_hash": code_hash, "payment_hash": payment_hash, "created_at": now}
        self._connection.execute(_PIN, row)
        owner = self.payment_of(code_hash)
        assert owner is not None, "a pinned row exists"
        return owner

    def payment_of(self, code_hash: str) -> str | None:
        return self._connection.execute(_PAYMENT_OF, {"code": code_hash}).scalar()

    def use(self, code_hash: str, *, expires_at: int) -> bool:
        return self._connection.execute(_USE, {"code_hash": code_hash, "expires_at": expires_at}).rowcount == 1
