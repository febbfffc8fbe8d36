"""Invoices, and the guarded updates that settle or cancel them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Row, Select, bindparam, exists, func, literal_column, not_, or_, select, update

from gateway.money import Msat
from gateway.rows import Invoice, InvoiceState, ItemState, Origin, Settlement, Unresolved
from gateway.store.tables.insert import InsertOrIgnore
from gateway.store.tables.items import shares_from_text, shares_to_text
from gateway.store.tables.schema import invoices, items

# The first look-up of an unpaid invoice, this long after it expires: LND's watcher cancels within seconds.
FIRST_CHECK_AFTER_EXPIRY_SECONDS = 5
_MOST_PARAMETERS = 500

T = TypeVar("T")
log = structlog.get_logger()

INVOICE_COLUMNS = [column for column in invoices.columns if column.name not in {"check_at", "canceled_at"}]
_INSERT = InsertOrIgnore(invoices)
_NAMES = [column.name for column in INVOICE_COLUMNS]
_NEW = [*INVOICE_COLUMNS, invoices.c.check_at]
_INSERT_IF_CURRENT = InsertOrIgnore(invoices).from_select(
    [column.name for column in _NEW],
    select(*(bindparam(column.name, type_=column.type) for column in _NEW)).where(
        exists().where(
            items.c.id == bindparam("item_id"),
            items.c.state == ItemState.ACTIVE.value,
            items.c.price_msat == bindparam("amount_msat"),
            items.c.shares == bindparam("shares"),
            items.c.access_seconds.is_not_distinct_from(bindparam("access_seconds")),
        )
    ),
)
_SELECT = select(*INVOICE_COLUMNS)
_BY_HASH = _SELECT.where(invoices.c.payment_hash == bindparam("hash"))
_BY_HASHES = _SELECT.where(invoices.c.payment_hash.in_(bindparam("hashes", expanding=True)))
# SQLite has one writer at a time; its dialect leaves FOR UPDATE out.
_LOCK = _BY_HASHES.order_by(invoices.c.payment_hash).with_for_update()
_BY_IDEMPOTENCY = _SELECT.where(invoices.c.idempotency_hash == bindparam("idempotency"))
_SETTLE = (
    update(invoices)
    .where(
        invoices.c.payment_hash == bindparam("hash"),
        invoices.c.node_id == bindparam("node"),
        invoices.c.state != InvoiceState.SETTLED.value,
    )
    .values(
        state=InvoiceState.SETTLED.value,
        check_at=None,
        canceled_at=None,
        paid_msat=bindparam("paid"),
        settled_at=bindparam("settled"),
        settle_index=bindparam("index"),
    )
)
_CANCEL = (
    update(invoices)
    .where(
        invoices.c.payment_hash.in_(bindparam("hashes", expanding=True)),
        invoices.c.node_id == bindparam("node"),
        invoices.c.state == InvoiceState.OPEN.value,
    )
    .values(state=InvoiceState.CANCELED.value, check_at=None, canceled_at=bindparam("now"))
)
_UNRESOLVED = (
    select(invoices.c.payment_hash, invoices.c.add_index, invoices.c.expires_at)
    # A literal, because the planner does not match a parameter with the partial index.
    .where(invoices.c.node_id == bindparam("node"), invoices.c.state == literal_column("'open'"))
    # An add index is not unique: several rows may share one.
    .where(
        invoices.c.add_index >= bindparam("after"),
        or_(invoices.c.add_index > bindparam("after"), invoices.c.payment_hash > bindparam("after_hash")),
    )
    .order_by(invoices.c.add_index, invoices.c.payment_hash)
    .limit(bindparam("most"))
)
_DUE = _UNRESOLVED.where(invoices.c.check_at <= bindparam("due"))
_CREDITED = select(func.count(), func.coalesce(func.sum(invoices.c.paid_msat), 0)).where(
    invoices.c.node_id == bindparam("node"),
    invoices.c.state == InvoiceState.SETTLED.value,
    not_(invoices.c.settled_at.between(bindparam("first"), bindparam("last"))),
)
_CREDITS = select(invoices.c.payment_hash, invoices.c.paid_msat).where(
    invoices.c.node_id == bindparam("node"),
    invoices.c.state == InvoiceState.SETTLED.value,
    invoices.c.settled_at.between(bindparam("first"), bindparam("last")),
)
_COUNT_OPEN = (
    select(invoices.c.node_id, func.count())
    .where(invoices.c.state == literal_column("'open'"))
    .group_by(invoices.c.node_id)
)
_NEWEST_CANCELED = (
    select(invoices.c.payment_hash)
    .where(invoices.c.state == literal_column("'canceled'"), invoices.c.node_id == bindparam("node"))
    .order_by(invoices.c.canceled_at.desc())
    .limit(1)
)
_POSTPONE = (
    update(invoices)
    .where(
        invoices.c.payment_hash == bindparam("hash"),
        invoices.c.node_id == bindparam("node"),
        invoices.c.state == InvoiceState.OPEN.value,
    )
    .values(check_at=bindparam("next_check"))
)


class InvoiceRows:
    """Satisfies `ports.Invoices`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, invoice: Invoice) -> bool:
        return self._connection.execute(_INSERT, _columns(invoice)).rowcount == 1

    def insert_if_current(self, invoice: Invoice) -> bool:
        return self._connection.execute(_INSERT_IF_CURRENT, _columns(invoice)).rowcount == 1

    def get(self, payment_hash: str) -> Invoice | None:
        row = self._connection.execute(_BY_HASH, {"hash": payment_hash}).first()
        return None if row is None else invoice_of(row)

    def get_many(self, payment_hashes: Sequence[str]) -> Sequence[Invoice]:
        return self._many(_BY_HASHES, payment_hashes)

    def lock(self, payment_hashes: Sequence[str]) -> Sequence[Invoice]:
        # All transactions lock rows in this order, so that two of them cannot deadlock.
        return self._many(_LOCK, sorted(payment_hashes))

    def by_idempotency(self, idempotency_hash: str) -> Invoice | None:
        row = self._connection.execute(_BY_IDEMPOTENCY, {"idempotency": idempotency_hash}).first()
        return None if row is None else invoice_of(row)

    def settle(self, node_id: str, settlements: Sequence[Settlement]) -> None:
        rows = [
            {
                "hash": settlement.payment_hash,
                "node": node_id,
                "paid": settlement.paid_msat,
                "settled": settlement.settled_at,
                "index": settlement.settle_index,
            }
            for settlement in settlements
        ]
        if rows:
            updated = self._connection.execute(_SETTLE, rows).rowcount
            # A driver that does not count the rows of many executions returns -1.
            assert updated in {len(rows), -1}, "a locked row that is not settled can be settled"

    def cancel(self, node_id: str, payment_hashes: Sequence[str], *, now: int) -> int:
        canceled = 0
        for start in range(0, len(payment_hashes), _MOST_PARAMETERS):
            some = {"hashes": payment_hashes[start : start + _MOST_PARAMETERS], "node": node_id, "now": now}
            canceled += self._connection.execute(_CANCEL, some).rowcount
        return canceled

    def unresolved(
        self, node_id: str, *, due_at: int | None, after_add_index: int, after_payment_hash: str = "", limit: int
    ) -> Sequence[Unresolved]:
        values = {"node": node_id, "after": after_add_index, "after_hash": after_payment_hash, "most": limit}
        statement = _UNRESOLVED
        if due_at is not None:
            statement, values = _DUE, values | {"due": due_at}
        return [
            Unresolved(payment_hash=payment_hash, add_index=add_index, expires_at=expires_at)
            for payment_hash, add_index, expires_at in self._connection.execute(statement, values)
        ]

    def credited(self, node_id: str, *, besides: range) -> tuple[int, int]:
        values = {"node": node_id, "first": besides.start, "last": besides.stop - 1}
        count, msat = self._connection.execute(_CREDITED, values).one()
        return int(count), int(msat)

    def credits_of(self, node_id: str, *, within: range) -> Mapping[str, int]:
        values = {"node": node_id, "first": within.start, "last": within.stop - 1}
        return {payment_hash: int(msat) for payment_hash, msat in self._connection.execute(_CREDITS, values)}

    def count_open(self) -> dict[str, int]:
        return {node_id: int(count) for node_id, count in self._connection.execute(_COUNT_OPEN)}

    def postpone(self, node_id: str, checks: Sequence[tuple[str, int]]) -> None:
        rows = [{"hash": payment_hash, "node": node_id, "next_check": check_at} for payment_hash, check_at in checks]
        if rows:
            self._connection.execute(_POSTPONE, rows)

    def _many(self, statement: Select[Any], payment_hashes: Sequence[str]) -> Sequence[Invoice]:
        found: list[Invoice] = []
        for start in range(0, len(payment_hashes), _MOST_PARAMETERS):
            some = {"hashes": payment_hashes[start : start + _MOST_PARAMETERS]}
            found += readable(self._connection.execute(statement, some), invoice_of)
        return found


def readable(rows: Iterable[Row[Any]], make: Callable[[Row[Any]], T]) -> list[T]:
    """Convert rows, skipping and logging one that a newer version wrote, so that it does not hide the others."""
    made = []
    for row in rows:
        try:
            made.append(make(row))
        except (ValueError, TypeError) as error:
            log.warning("invoice_unreadable", payment_hash=row.payment_hash[:8], error=type(error).__name__)
    return made


def newest_canceled(connection: Connection, node_id: str) -> str | None:
    """The payment hash of the newest canceled invoice of a node that is still in the table."""
    return connection.execute(_NEWEST_CANCELED, {"node": node_id}).scalar()


def invoice_of(row: Row) -> Invoice:  # type: ignore[type-arg]
    """The invoice of a row that has `INVOICE_COLUMNS`."""
    paid_msat = None if row.paid_msat is None else Msat(row.paid_msat)
    return Invoice(
        payment_hash=row.payment_hash,
        node_id=row.node_id,
        add_index=row.add_index,
        payment_request=row.payment_request,
        item_id=row.item_id,
        tip_to=row.tip_to,
        amount_msat=Msat(row.amount_msat),
        shares=shares_from_text(row.shares),
        access_seconds=row.access_seconds,
        origin=Origin(row.origin),
        idempotency_hash=row.idempotency_hash,
        state=InvoiceState(row.state),
        created_at=row.created_at,
        expires_at=row.expires_at,
        paid_msat=paid_msat,
        settled_at=row.settled_at,
        settle_index=row.settle_index,
        refunded_at=row.refunded_at,
    )


def _columns(invoice: Invoice) -> dict[str, Any]:
    columns = {name: getattr(invoice, name) for name in _NAMES}
    columns["shares"] = shares_to_text(invoice.shares)
    columns["state"], columns["origin"] = invoice.state.value, invoice.origin.value
    columns["check_at"] = invoice.expires_at + FIRST_CHECK_AFTER_EXPIRY_SECONDS
    return columns
