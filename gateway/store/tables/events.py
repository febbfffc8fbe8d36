"""Events, one row per settlement. Positions are taken as the last step before commit, so they are in commit order."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    bindparam,
    insert,
    literal,
    select,
)

from gateway.rows import Event, Payment, TipNote
from gateway.store.tables.counters import advance, current
from gateway.store.tables.invoices import INVOICE_COLUMNS, invoice_of, readable
from gateway.store.tables.schema import EVENT_POSITION, events, invoices, tip_notes, transfers

_APPEND = insert(events)
_AFTER = (
    select(events).where(events.c.position > bindparam("after")).order_by(events.c.position).limit(bindparam("most"))
)
_ALL_PAYMENTS = (
    select(events.c.position, *INVOICE_COLUMNS, tip_notes.c.message, tip_notes.c.name)
    .join(invoices, invoices.c.payment_hash == events.c.payment_hash)
    .outerjoin(tip_notes, tip_notes.c.payment_hash == events.c.payment_hash)
    .limit(bindparam("most"))
)
_PAYMENTS = _ALL_PAYMENTS.where(events.c.position > bindparam("after")).order_by(events.c.position)
# In the order of its index: by position, a planner might read every event for the few that fit.
_BETWEEN = _ALL_PAYMENTS.where(events.c.payment_hash.between(bindparam("lowest"), bindparam("highest"))).order_by(
    events.c.payment_hash
)


def _has_share(account: ColumnElement[str]) -> ColumnElement[bool]:
    return (
        select(literal(1))
        .where(transfers.c.payment_hash == events.c.payment_hash, transfers.c.credit_account == account)
        .exists()
    )


_OF_CREATOR = _has_share(bindparam("account"))
_PAYMENTS_OF, _BETWEEN_OF = _PAYMENTS.where(_OF_CREATOR), _BETWEEN.where(_OF_CREATOR)


class EventRows:
    """Satisfies `ports.Events`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, payment_hashes: Sequence[str], *, now: int) -> Sequence[Event]:
        if not payment_hashes:
            return []
        last = advance(self._connection, EVENT_POSITION, by=len(payment_hashes))
        first = last - len(payment_hashes) + 1
        appended = [Event(position=first + n, payment_hash=key, created_at=now) for n, key in enumerate(payment_hashes)]
        rows = [{"position": e.position, "payment_hash": e.payment_hash, "created_at": now} for e in appended]
        self._connection.execute(_APPEND, rows)
        return appended

    def last_position(self) -> int:
        return current(self._connection, EVENT_POSITION)

    def after(self, position: int, *, limit: int) -> Sequence[Event]:
        rows = self._connection.execute(_AFTER, {"after": position, "most": limit})
        return [Event(**row._mapping) for row in rows]

    def payments(self, *, after_position: int, limit: int, creator: str | None) -> Sequence[Payment]:
        values: dict[str, int | str] = {"after": after_position, "most": limit}
        statement = _PAYMENTS
        if creator is not None:
            statement, values = _PAYMENTS_OF, values | {"account": f"creator:{creator}"}
        return readable(self._connection.execute(statement, values), _payment)

    def payments_between(
        self, lowest_hash: str, highest_hash: str, *, limit: int, creator: str | None
    ) -> Sequence[Payment]:
        values: dict[str, int | str] = {"lowest": lowest_hash, "highest": highest_hash, "most": limit}
        statement = _BETWEEN
        if creator is not None:
            statement, values = _BETWEEN_OF, values | {"account": f"creator:{creator}"}
        return readable(self._connection.execute(statement, values), _payment)


def _payment(row: Row[Any]) -> Payment:
    note = None
    if row.message is not None:
        note = TipNote(payment_hash=row.payment_hash, message=row.message, name=row.name)
    return Payment(position=row.position, invoice=invoice_of(row), note=note)
