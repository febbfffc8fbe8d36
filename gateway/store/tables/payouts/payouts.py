"""Payouts: what was asked, and the guarded update of its state."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, func, literal_column, or_, select, update

from gateway.money import Msat
from gateway.rows.payouts import OPEN_TRIES, Asker, Payout, PayoutState, UnderWay
from gateway.store.tables.insert import InsertOrIgnore
from gateway.store.tables.schema import payout_tries, payouts

_INSERT = InsertOrIgnore(payouts)
_SELECT = select(payouts)
_BY_ID = _SELECT.where(payouts.c.payout_id == bindparam("payout"))
# SQLite has one writer at a time; its dialect leaves FOR UPDATE out. Tries and transfers refer to a locked row freely.
_LOCK = _BY_ID.with_for_update(key_share=True)
_BY_IDEMPOTENCY = _SELECT.where(payouts.c.idempotency_hash == bindparam("idempotency"))
_CHANGE = (
    update(payouts)
    .where(
        payouts.c.payout_id == bindparam("payout"),
        payouts.c.state == bindparam("was"),
        # What has ended stays as it is, whatever a caller has read.
        payouts.c.ended_at.is_(None),
    )
    .values(state=bindparam("becomes"), next_try_at=bindparam("tried_at"), ended_at=bindparam("ends"))
)
_NEWEST = _SELECT.order_by(payouts.c.created_at.desc(), payouts.c.payout_id.desc()).limit(bindparam("most"))
_IS_OLDER = and_(
    payouts.c.created_at <= bindparam("at"),
    or_(payouts.c.created_at < bindparam("at"), payouts.c.payout_id < bindparam("before")),
)
_OF_ACCOUNT = payouts.c.source_account == bindparam("account")
_DUE = (
    _SELECT
    # A literal, because the planner does not match a parameter with the partial index.
    .where(payouts.c.state == literal_column("'waiting'"), payouts.c.next_try_at <= bindparam("now"))
    .order_by(payouts.c.next_try_at, payouts.c.payout_id)
    .limit(bindparam("most"))
)
_OPEN_OF = _SELECT.where(_OF_ACCOUNT, payouts.c.ended_at.is_(None)).order_by(payouts.c.created_at, payouts.c.payout_id)
_IS_OVERDUE = and_(
    payout_tries.c.state == literal_column("'dispatched'"), payout_tries.c.expires_at <= bindparam("expired_until")
)
_UNDER_WAY = (
    select(
        payouts.c.state,
        func.count().label("payouts"),
        func.count().filter(_IS_OVERDUE).label("overdue"),
        func.coalesce(func.sum(payout_tries.c.amount_msat + payout_tries.c.fee_limit_msat), 0).label("reserved_msat"),
        func.min(payout_tries.c.reserved_at).label("oldest_at"),
    )
    .outerjoin_from(
        payouts,
        payout_tries,
        and_(
            payout_tries.c.payout_id == payouts.c.payout_id,
            payout_tries.c.state.in_([literal_column(f"'{state.value}'") for state in OPEN_TRIES]),
        ),
    )
    .where(payouts.c.ended_at.is_(None))
    .group_by(payouts.c.state)
)


class PayoutRows:
    """Satisfies `ports.Payouts`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, payout: Payout) -> bool:
        return self._connection.execute(_INSERT, asdict(payout)).rowcount == 1

    def get(self, payout_id: str) -> Payout | None:
        return _found(self._connection.execute(_BY_ID, {"payout": payout_id}).first())

    def lock(self, payout_id: str) -> Payout | None:
        return _found(self._connection.execute(_LOCK, {"payout": payout_id}).first())

    def by_idempotency(self, idempotency_hash: str) -> Payout | None:
        return _found(self._connection.execute(_BY_IDEMPOTENCY, {"idempotency": idempotency_hash}).first())

    def change(self, payout: Payout, *, was: Payout) -> bool:
        values = {
            "payout": payout.payout_id,
            "was": was.state,
            "becomes": payout.state,
            "tried_at": payout.next_try_at,
            "ends": payout.ended_at,
        }
        return self._connection.execute(_CHANGE, values).rowcount == 1

    def list(self, *, source_account: str | None, before: str | None, limit: int) -> Sequence[Payout]:
        statement, values = _NEWEST, dict[str, Any](most=limit)
        if source_account is not None:
            statement, values = statement.where(_OF_ACCOUNT), values | {"account": source_account}
        if before is not None:
            newer = self.get(before)
            if newer is None:
                return []
            statement, values = statement.where(_IS_OLDER), values | {"at": newer.created_at, "before": before}
        return self._all(statement, values)

    def due(self, *, now: int, limit: int) -> Sequence[Payout]:
        return self._all(_DUE, {"now": now, "most": limit})

    def open_of(self, source_account: str) -> Sequence[Payout]:
        return self._all(_OPEN_OF, {"account": source_account})

    def under_way(self, *, expired_until: int) -> UnderWay:
        rows = self._connection.execute(_UNDER_WAY, {"expired_until": expired_until}).all()
        return UnderWay(
            payouts={PayoutState(row.state): int(row.payouts) for row in rows},
            overdue=sum(row.overdue for row in rows),
            reserved_msat=Msat(sum(int(row.reserved_msat) for row in rows)),
            oldest_at=min((row.oldest_at for row in rows if row.oldest_at is not None), default=None),
        )

    def _all(self, statement: Select[Any], values: dict[str, Any]) -> Sequence[Payout]:
        return [_payout(row) for row in self._connection.execute(statement, values)]


def _found(row: Row[Any] | None) -> Payout | None:
    return None if row is None else _payout(row)


def _payout(row: Row[Any]) -> Payout:
    columns = row._asdict() | {
        "amount_msat": Msat(row.amount_msat),
        "fee_limit_msat": Msat(row.fee_limit_msat),
        "asked_by": Asker(row.asked_by),
        "state": PayoutState(row.state),
    }
    return Payout(**columns)
