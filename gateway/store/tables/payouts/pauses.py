"""The pause of all payouts: one row, locked by whoever relies on it."""

from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from gateway.rows.payouts import RESTORED
from gateway.store.tables.insert import InsertOrIgnore
from gateway.store.tables.schema import payout_pauses

_ALL = "all"
_MAKE = InsertOrIgnore(payout_pauses)
_CURRENT = select(payout_pauses.c.reason, payout_pauses.c.since).where(payout_pauses.c.name == _ALL)
# Shared: reservations do not wait for each other here, and a pause waits for them.
_LOCK = _CURRENT.with_for_update(read=True)
_PAUSE = (
    update(payout_pauses)
    .where(payout_pauses.c.name == _ALL, payout_pauses.c.reason.is_(None))
    .values(reason=bindparam("because"), since=bindparam("now"))
)
_RESUME = (
    update(payout_pauses)
    .where(payout_pauses.c.name == _ALL, payout_pauses.c.reason.is_not(None))
    .values(reason=None, since=None)
)


class PayoutPauseRows:
    """Satisfies `ports.PayoutPauses`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def pause(self, reason: str, *, now: int) -> None:
        self._make()
        self._connection.execute(_PAUSE, {"because": reason, "now": now})

    def pause_restored(self, *, since: int) -> None:
        current = self.lock()
        if current is None or current[0] != RESTORED:
            self.resume()
            self.pause(RESTORED, now=since)

    def resume(self) -> bool:
        return self._connection.execute(_RESUME).rowcount == 1

    def current(self) -> tuple[str, int] | None:
        return _pause(self._connection.execute(_CURRENT).first())

    def lock(self) -> tuple[str, int] | None:
        row = self._connection.execute(_LOCK).first()
        if row is None:
            self._make()
            row = self._connection.execute(_LOCK).first()
        return _pause(row)

    def _make(self) -> None:
        self._connection.execute(_MAKE, {"name": _ALL, "reason": None, "since": None})


def _pause(row: Row[Any, Any] | None) -> tuple[str, int] | None:
    return None if row is None or row.reason is None else (row.reason, row.since)
