"""Refunds of payments, and the guarded update of their state."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, func, literal_column, or_, select, update

from gateway.money import Msat
from gateway.rows.payouts import Refund, RefundState
from gateway.store.tables.insert import InsertOrIgnore
from gateway.store.tables.schema import invoices, refunds

_INSERT = InsertOrIgnore(refunds)
_MARK = (
    update(invoices)
    .where(invoices.c.payment_hash == bindparam("hash"), invoices.c.refunded_at.is_(None))
    .values(refunded_at=bindparam("now"))
)
_SELECT = select(refunds)
_BY_HASH = _SELECT.where(refunds.c.payment_hash == bindparam("hash"))
# SQLite has one writer at a time; its dialect leaves FOR UPDATE out. Transfers refer to a locked row freely.
_LOCK = _BY_HASH.with_for_update(key_share=True)
_BY_K1 = _SELECT.where(refunds.c.k1_hash == bindparam("k1"))
_CHANGE = (
    update(refunds)
    .where(
        refunds.c.payment_hash == bindparam("hash"),
        refunds.c.state == bindparam("was_state"),
        func.coalesce(refunds.c.payout_id, "") == bindparam("was_payout"),
        # What has ended stays as it is, whatever a caller has read.
        refunds.c.ended_at.is_(None),
    )
    .values(state=bindparam("becomes"), payout_id=bindparam("payout"), ended_at=bindparam("ends"))
)
_EXPIRED = (
    _SELECT
    # A literal, because the planner does not match a parameter with the partial index.
    .where(refunds.c.state == literal_column("'offered'"), refunds.c.expires_at <= bindparam("now"))
    .order_by(refunds.c.expires_at, refunds.c.payment_hash)
    .limit(bindparam("most"))
)
_NEWEST = _SELECT.order_by(refunds.c.created_at.desc(), refunds.c.payment_hash.desc()).limit(bindparam("most"))
_IS_OLDER = and_(
    refunds.c.created_at <= bindparam("at"),
    or_(refunds.c.created_at < bindparam("at"), refunds.c.payment_hash < bindparam("before")),
)
_SINCE = select(refunds.c.payment_hash).where(refunds.c.created_at >= bindparam("since"))


class RefundRows:
    """Satisfies `ports.Refunds`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, refund: Refund) -> bool:
        if self._connection.execute(_INSERT, asdict(refund)).rowcount == 0:
            return False
        self._connection.execute(_MARK, {"hash": refund.payment_hash, "now": refund.created_at})
        return True

    def get(self, payment_hash: str) -> Refund | None:
        return _found(self._connection.execute(_BY_HASH, {"hash": payment_hash}).first())

    def lock(self, payment_hash: str) -> Refund | None:
        return _found(self._connection.execute(_LOCK, {"hash": payment_hash}).first())

    def by_k1(self, k1_hash: str) -> Refund | None:
        return _found(self._connection.execute(_BY_K1, {"k1": k1_hash}).first())

    def change(self, refund: Refund, *, was: Refund) -> bool:
        values = {
            "hash": refund.payment_hash,
            "was_state": was.state,
            "was_payout": was.payout_id or "",
            "becomes": refund.state,
            "payout": refund.payout_id,
            "ends": refund.ended_at,
        }
        return self._connection.execute(_CHANGE, values).rowcount == 1

    def expired(self, *, now: int, limit: int) -> Sequence[Refund]:
        return self._all(_EXPIRED, {"now": now, "most": limit})

    def list(self, *, before: str | None, limit: int) -> Sequence[Refund]:
        if before is None:
            return self._all(_NEWEST, {"most": limit})
        newer = self.get(before)
        if newer is None:
            return []
        return self._all(_NEWEST.where(_IS_OLDER), {"most": limit, "at": newer.created_at, "before": before})

    def refunded_since(self, since: int) -> Sequence[str]:
        return [*self._connection.execute(_SINCE, {"since": since}).scalars()]

    def _all(self, statement: Select[Any], values: dict[str, Any]) -> Sequence[Refund]:
        return [_refund(row) for row in self._connection.execute(statement, values)]


def _found(row: Row[Any] | None) -> Refund | None:
    return None if row is None else _refund(row)


def _refund(row: Row[Any]) -> Refund:
    columns = row._asdict() | {
        "state": RefundState(row.state),
        "amount_msat": Msat(row.amount_msat),
        "fee_limit_msat": Msat(row.fee_limit_msat),
    }
    return Refund(**columns)
