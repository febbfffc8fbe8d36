"""Tries of payouts, and the guarded update by which one is dispatched, sent again or ended."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    union_all,
    update,
)
from sqlalchemy.exc import IntegrityError

from gateway.errors import Conflict
from gateway.money import Msat
from gateway.rows.payouts import OPEN_TRIES, Try, TryState
from gateway.store.tables.schema import payout_tries, payouts

_INSERT = insert(payout_tries)
_SELECT = select(payout_tries)
_OF = _SELECT.where(payout_tries.c.payout_id == bindparam("payout")).order_by(payout_tries.c.n)
_BY_N = _OF.where(payout_tries.c.n == bindparam("nth"))
_BY_HASH = _SELECT.where(payout_tries.c.payment_hash == bindparam("hash"))
_CHANGING = [
    column.name
    for column in payout_tries.columns
    if column.name not in {"payout_id", "n", "source_account", "amount_msat", "fee_limit_msat", "reserved_at"}
]
_CHANGE = (
    update(payout_tries)
    .where(
        payout_tries.c.payout_id == bindparam("payout"),
        payout_tries.c.n == bindparam("nth"),
        # What has ended stays as it is, whatever a caller has read.
        payout_tries.c.state.in_([state.value for state in OPEN_TRIES]),
        payout_tries.c.state == bindparam("was_state"),
        payout_tries.c.sends == bindparam("was_sends"),
        func.coalesce(payout_tries.c.sender, "") == bindparam("was_sender"),
    )
    .values({name: bindparam(f"new_{name}") for name in _CHANGING})
)
# Literals, because the planner does not match a parameter with a partial index.
_RESERVED = (
    _SELECT.where(payout_tries.c.state == literal_column("'reserved'"))
    .order_by(payout_tries.c.reserved_at, payout_tries.c.payout_id)
    .limit(bindparam("most"))
)
_TO_CHECK = (
    _SELECT.where(payout_tries.c.state == literal_column("'dispatched'"), payout_tries.c.check_at <= bindparam("now"))
    .order_by(payout_tries.c.check_at, payout_tries.c.payout_id)
    .limit(bindparam("most"))
)
_OF_NODE = (
    _SELECT.where(payout_tries.c.node_id == bindparam("node"), payout_tries.c.payment_hash > bindparam("after"))
    .order_by(payout_tries.c.payment_hash)
    .limit(bindparam("most"))
)
_NODE_IDS = (
    select(payout_tries.c.node_id)
    .where(payout_tries.c.node_id.is_not(None))
    .distinct()
    .order_by(payout_tries.c.node_id)
)
_OF_ACCOUNT = payout_tries.c.source_account == bindparam("account")
# What may leave yet, however old, and what has left since. Both instants are above 0 in every such row; the
# comparison leads SQLite to the index of these rows, where it would scan a larger one.
_SPENT_IN = (
    (payout_tries.c.state == literal_column("'reserved'"), payout_tries.c.reserved_at > 0),
    (payout_tries.c.state == literal_column("'dispatched'"), payout_tries.c.check_at > 0),
    (payout_tries.c.state == literal_column("'succeeded'"), payout_tries.c.dispatched_at >= bindparam("since")),
)


def _spent(*of: ColumnElement[bool]) -> Select[Any]:
    amounts = union_all(*(select(payout_tries.c.amount_msat).where(*each, *of) for each in _SPENT_IN)).subquery()
    return select(func.coalesce(func.sum(amounts.c.amount_msat), 0))


_SPENT, _SPENT_OF = _spent(), _spent(_OF_ACCOUNT)
_FEES = (
    select(payout_tries.c.fee_msat)
    .join(payouts, payouts.c.payout_id == payout_tries.c.payout_id)
    .where(
        payouts.c.source_account == bindparam("account"),
        payouts.c.destination == bindparam("address"),
        payout_tries.c.state == literal_column("'succeeded'"),
    )
    .order_by(payouts.c.created_at.desc(), payouts.c.payout_id.desc())
    .limit(bindparam("most"))
)


class TryRows:
    """Satisfies `ports.Tries`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, try_: Try) -> None:
        self._connection.execute(_INSERT, asdict(try_))

    def get(self, payout_id: str, n: int) -> Try | None:
        row = self._connection.execute(_BY_N, {"payout": payout_id, "nth": n}).first()
        return None if row is None else _try(row)

    def of(self, payout_id: str) -> Sequence[Try]:
        return self._all(_OF, {"payout": payout_id})

    def change(self, try_: Try, *, was: Try) -> bool:
        guard = {"was_state": was.state, "was_sends": was.sends, "was_sender": was.sender or ""}
        values = {f"new_{name}": getattr(try_, name) for name in _CHANGING}
        try:
            changed = self._connection.execute(_CHANGE, {"payout": try_.payout_id, "nth": try_.n, **guard, **values})
        except IntegrityError as error:
            if "payment_hash" not in str(error.orig):
                raise
            raise Conflict("invoice_used", "Another payout has this invoice already: ask for a new one.") from error
        return changed.rowcount == 1

    def by_payment_hash(self, payment_hash: str) -> Try | None:
        row = self._connection.execute(_BY_HASH, {"hash": payment_hash}).first()
        return None if row is None else _try(row)

    def reserved(self, *, limit: int) -> Sequence[Try]:
        return self._all(_RESERVED, {"most": limit})

    def to_check(self, *, now: int, limit: int) -> Sequence[Try]:
        return self._all(_TO_CHECK, {"now": now, "most": limit})

    def of_node(self, node_id: str, *, after_payment_hash: str, limit: int) -> Sequence[Try]:
        return self._all(_OF_NODE, {"node": node_id, "after": after_payment_hash, "most": limit})

    def node_ids(self) -> Sequence[str]:
        """The nodes that paid, or may have, by name."""
        return [*self._connection.execute(_NODE_IDS).scalars()]

    def spent_msat(self, *, since: int, source_account: str | None) -> Msat:
        statement, values = _SPENT, dict[str, Any](since=since)
        if source_account is not None:
            statement, values = _SPENT_OF, values | {"account": source_account}
        return Msat(int(self._connection.execute(statement, values).scalar_one()))

    def paid_fees(self, source_account: str, destination: str, *, limit: int) -> Sequence[Msat]:
        values = {"account": source_account, "address": destination, "most": limit}
        return [Msat(fee_msat) for fee_msat in self._connection.execute(_FEES, values).scalars()]

    def _all(self, statement: Select[Any], values: dict[str, Any]) -> Sequence[Try]:
        return [_try(row) for row in self._connection.execute(statement, values)]


def _try(row: Row[Any]) -> Try:
    columns = row._asdict() | {
        "state": TryState(row.state),
        "amount_msat": Msat(row.amount_msat),
        "fee_limit_msat": Msat(row.fee_limit_msat),
        "fee_msat": None if row.fee_msat is None else Msat(row.fee_msat),
    }
    return Try(**columns)
