"""Creators' rules, and the guarded update that moves one on."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, select, update

from gateway.money import Msat
from gateway.rows.payouts import Interval, PayoutRule
from gateway.store.tables.insert import InsertOrIgnore
from gateway.store.tables.schema import payout_rules

_INSERT = InsertOrIgnore(payout_rules)
_CHANGING = [column.name for column in payout_rules.columns if column.name != "creator"]
_UPDATE = (
    update(payout_rules)
    .where(payout_rules.c.creator == bindparam("of"))
    .values({name: bindparam(f"new_{name}") for name in _CHANGING})
)
_DELETE = delete(payout_rules).where(payout_rules.c.creator == bindparam("of"))
_SELECT = select(payout_rules)
_BY_CREATOR = _SELECT.where(payout_rules.c.creator == bindparam("of"))
_DUE = (
    _SELECT.where(payout_rules.c.next_at <= bindparam("now"))
    .order_by(payout_rules.c.next_at, payout_rules.c.creator)
    .limit(bindparam("most"))
)
_ADVANCE = (
    update(payout_rules)
    .where(payout_rules.c.creator == bindparam("of"), payout_rules.c.next_at == bindparam("was"))
    .values(next_at=bindparam("becomes"))
)


class PayoutRuleRows:
    """Satisfies `ports.PayoutRules`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, rule: PayoutRule) -> None:
        if self._connection.execute(_INSERT, asdict(rule)).rowcount == 0:
            values = {f"new_{name}": getattr(rule, name) for name in _CHANGING}
            self._connection.execute(_UPDATE, {"of": rule.creator, **values})

    def delete(self, creator: str) -> bool:
        return self._connection.execute(_DELETE, {"of": creator}).rowcount == 1

    def get(self, creator: str) -> PayoutRule | None:
        row = self._connection.execute(_BY_CREATOR, {"of": creator}).first()
        return None if row is None else _rule(row)

    def due(self, *, now: int, limit: int) -> Sequence[PayoutRule]:
        return [_rule(row) for row in self._connection.execute(_DUE, {"now": now, "most": limit})]

    def advance(self, creator: str, *, was_next_at: int, next_at: int) -> bool:
        values = {"of": creator, "was": was_next_at, "becomes": next_at}
        return self._connection.execute(_ADVANCE, values).rowcount == 1


def _rule(row: Row[Any]) -> PayoutRule:
    changed = {"threshold_msat": Msat(row.threshold_msat), "interval": Interval(row.interval)}
    return PayoutRule(**row._asdict() | changed)
