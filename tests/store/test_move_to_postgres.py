"""The move from SQLite to PostgreSQL: all or nothing, and what was sold before can be opened after."""

from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.access.tokens import Credential
from gateway.errors import Conflict, Invalid, NotFound, Unavailable
from gateway.simulator.core import Simulator
from gateway.store.engines.move_to_postgres import move_database
from gateway.store.engines.sqlite import sqlite_engine
from tests.support.clock import FakeClock
from tests.support.databases import broken_invariants, dump_tables, in_a_thread, put_database
from tests.support.domain import open_domain
from tests.support.payout_rows import pay_out
from tests.support.postgres_server import Cluster

pytestmark = pytest.mark.postgres


@pytest.fixture
def target(cluster: Cluster) -> str:
    return cluster.url(in_a_thread(cluster.new_database("template0")))


async def test_everything_moves_and_an_old_purchase_opens(
    target: str, tmp_path: Path, clock: FakeClock, core: Simulator
) -> None:
    async with open_domain(tmp_path, clock, core) as domain:
        source = domain.database_url
        sold = await domain.create(await domain.terms(), idempotency_key="k" * 22)
        late = await domain.sell()
        domain.pay(sold.invoice)
        await domain.sweeper.sweep()
        await domain.create(domain.tip("bob", amount_msat=5_000, message="thänks ☂"))
        await domain.store.write(pay_out)
    counts = await move_database(source, target)
    assert (counts["invoices"], counts["payouts"], counts["refunds"]) == (5, 4, 1)
    assert dump_tables(source) == dump_tables(target)
    assert broken_invariants(target) == []
    with pytest.raises(Conflict) as refusal:
        await move_database(source, target)
    assert refusal.value.code == "database_not_empty"

    async with open_domain(tmp_path, clock, core, database_url=target) as moved:
        await moved.authorizer.authorize([("line", Credential(sold.token, None))], "welcome")
        moved.pay(late)
        await moved.sweeper.sweep()
        events = await moved.store.read(lambda tx: tx.events.after(0, limit=9))
        assert [event.position for event in events] == [1, 2, 3, 4]


async def test_books_that_are_broken_stay_where_they_are(target: str, tmp_path: Path) -> None:
    source = put_database(tmp_path / "broken.db")
    engine = sqlite_engine(tmp_path / "broken.db")
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO accounts VALUES ('creator:alice', 7)"))
    engine.dispose()
    with pytest.raises(Conflict, match="balance equals") as refusal:
        await move_database(source, target)
    assert refusal.value.code == "books_broken"


async def test_a_move_that_cannot_be_is_refused(target: str, tmp_path: Path) -> None:
    source = put_database(tmp_path / "t.db")
    for wrong in ((source, source), (target, target)):
        with pytest.raises(Invalid):
            await move_database(*wrong)
    with pytest.raises(NotFound):
        await move_database(f"sqlite:///{tmp_path}/missing.db", target)
    with pytest.raises(Unavailable):
        await move_database(source, f"postgresql+asyncpg:///none?host={tmp_path}")
