"""The rows of the caps on payouts: a reservation updates those that it is counted in, and so waits for others."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, func, select, update

from gateway.store.tables.insert import InsertOrIgnore
from gateway.store.tables.schema import payout_caps

_MAKE = InsertOrIgnore(payout_caps)
_COUNT = (
    update(payout_caps)
    .where(payout_caps.c.name == bindparam("cap"))
    .values(reservations=payout_caps.c.reservations + 1)
)
_TOTAL = select(func.coalesce(func.sum(payout_caps.c.reservations), 0))


class PayoutCapRows:
    """Satisfies `ports.PayoutCaps`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lock(self, names: Sequence[str]) -> None:
        # All transactions update rows in this order, so that two of them cannot deadlock.
        for name in sorted({*names}):
            if self._connection.execute(_COUNT, {"cap": name}).rowcount == 0:
                self._connection.execute(_MAKE, {"name": name, "reservations": 0})
                self._connection.execute(_COUNT, {"cap": name})

    def count(self) -> int:
        return int(self._connection.execute(_TOTAL).scalar_one())
