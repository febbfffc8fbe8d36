"""What is looked up by its payment hash is found by an index, however much was sold."""

import pytest

from gateway.ports.store import Tx
from gateway.store.engines.database import Database
from gateway.store.tables.events import EventRows
from tests.store.payouts.test_plans import plan_of
from tests.support.databases import change, seen_in
from tests.support.payout_rows import earn
from tests.support.rows import a_creator, hash_of

MANY = 300


@pytest.mark.both_databases
@pytest.mark.parametrize("creator", [None, "alice"])
async def test_the_payment_of_a_receipts_number_is_found_by_the_index_of_hashes(
    store: Database, database_url: str, creator: str | None
) -> None:
    def sell_often(tx: Tx) -> None:
        tx.creators.insert(a_creator("alice"))
        for number in range(MANY):
            earn(tx, number=number)

    await store.write(sell_often)
    found_by = "SEARCH events USING INDEX sqlite_autoindex_events_2 (payment_hash>? AND payment_hash<?)"
    if database_url.startswith("postgresql"):
        change(database_url, lambda connection: connection.exec_driver_sql("ANALYZE"))
        found_by = "Index Scan using uq_events_payment_hash"

    wanted = hash_of(7)
    plan = seen_in(
        database_url,
        lambda connection: plan_of(
            connection, lambda books: EventRows(books).payments_between(wanted, wanted, limit=100, creator=creator)
        ),
    )
    assert found_by in plan, plan
    [found] = await store.read(lambda tx: tx.events.payments_between(wanted, wanted, limit=100, creator=creator))
    assert found.invoice.payment_hash == wanted
    assert await store.read(lambda tx: tx.events.payments_between(wanted, wanted, limit=100, creator="bob")) == []
