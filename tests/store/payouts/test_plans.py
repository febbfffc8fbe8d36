"""What the background work, a reservation and a scrape look for again and again is found by an index."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, event

from gateway.ports.store import Tx
from gateway.rows.payouts import PayoutState
from gateway.store.engines.database import Database
from gateway.store.tables.payouts.payouts import PayoutRows
from gateway.store.tables.payouts.tries import TryRows
from tests.support.databases import change, seen_in
from tests.support.payout_rows import ALICE, a_payout, dispatch, give_back, reserve, succeed
from tests.support.rows import START

Look = Callable[[Connection], object]
ALONE = {
    "ix_payout_tries_spent": lambda books: TryRows(books).spent_msat(since=START, source_account=None),
    "ix_payout_tries_spent_of": lambda books: TryRows(books).spent_msat(since=START, source_account=ALICE),
}
"""By index, what it answers without a look at the table."""
FOUND = [
    ("ix_payouts_due", lambda books: PayoutRows(books).due(now=START, limit=9)),
    ("ix_payouts_open", lambda books: PayoutRows(books).open_of(ALICE)),
    ("ix_payouts_open", lambda books: PayoutRows(books).under_way(expired_until=START)),
    ("ix_payout_tries_reserved", lambda books: TryRows(books).reserved(limit=9)),
    ("ix_payout_tries_to_check", lambda books: TryRows(books).to_check(now=START, limit=9)),
]


@pytest.mark.parametrize(("index", "look"), [*ALONE.items(), *FOUND])
async def test_it_is_found_by_its_index(books: Database, database_url: str, index: str, look: Look) -> None:
    await books.write(pay_often)
    if database_url.startswith("postgresql"):
        change(database_url, lambda connection: connection.exec_driver_sql("ANALYZE"))
    plan = seen_in(database_url, lambda connection: plan_of(connection, look))
    assert index in plan, plan
    if index in ALONE:
        assert "SCAN payout_tries" not in plan
        assert f"COVERING INDEX {index}" in plan or f"Index Only Scan using {index}" in plan


def pay_often(tx: Tx) -> None:
    """A payout of each state, and many that have ended."""
    reserve(tx, a_payout(1))
    dispatch(tx, reserve(tx, a_payout(2)), 2)
    succeed(tx, dispatch(tx, reserve(tx, a_payout(3)), 3))
    give_back(tx, reserve(tx, a_payout(4)))
    for number in range(5, 300):
        tx.payouts.insert(a_payout(number, state=PayoutState.CANCELED, ended_at=START))


def plan_of(books: Connection, look: Look) -> str:
    """The plan of the one statement of a look. PostgreSQL reads the pages of a small table unless it may not."""
    statements: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        statements.append((statement, parameters))

    event.listen(books, "before_cursor_execute", note)
    look(books)
    event.remove(books, "before_cursor_execute", note)
    [(statement, parameters)] = statements
    explain = "EXPLAIN QUERY PLAN"
    if books.dialect.name == "postgresql":
        books.exec_driver_sql("SET LOCAL enable_seqscan = off")
        books.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
        explain = "EXPLAIN"
    return str(books.exec_driver_sql(f"{explain} {statement}", parameters).all())
