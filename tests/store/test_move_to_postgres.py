"""The move from SQLite to PostgreSQL: all or nothing, and what was sold before can be opened after."""

from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.access.tokens import Credential
from gateway.errors import Conflict, Invalid, NotFound, Unavailable
from gateway.rates.history import RateHistory
from gateway.rows.payouts import RESTORED
from gateway.simulator.core import Simulator
from gateway.store.engines.move_to_postgres import move_database, pause_restored
from gateway.store.engines.sqlite import sqlite_engine
from gateway.store.tables.payouts.pauses import PayoutPauseRows
from tests.support.clock import FakeClock
from tests.support.databases import broken_invariants, change, dump_tables, in_a_thread, put_database, seen_in
from tests.support.domain import open_domain
from tests.support.payout_rows import pay_out
from tests.support.postgres_server import Cluster
from tests.support.rows import START

pytestmark = pytest.mark.postgres


def _pause_in(url: str) -> tuple[str, int] | None:
    return seen_in(url, lambda books: PayoutPauseRows(books).current())


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
        await RateHistory(domain.store).keep({"EUR": 90_000.5}, at=START)
    counts = await move_database(source, target, now=START)
    assert (counts["invoices"], counts["payouts"], counts["refunds"], counts["past_rates"]) == (5, 4, 1, 1)
    moved_from, moved_to = dump_tables(source), dump_tables(target)
    assert (_pause_in(source), _pause_in(target)) == ((RESTORED, START), None)
    assert moved_from | {"payout_pauses": []} == moved_to | {"payout_pauses": []}
    assert broken_invariants(target) == []
    with pytest.raises(Conflict) as refusal:
        await move_database(source, target, now=START)
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
        await move_database(source, target, now=START)
    assert refusal.value.code == "books_broken"
    assert _pause_in(source) is None


async def test_books_that_were_paused_stay_paused_where_they_go(target: str, tmp_path: Path) -> None:
    source = put_database(tmp_path / "paused.db")
    change(source, lambda books: PayoutPauseRows(books).pause("holidays", now=START - 9))
    await move_database(source, target, now=START)
    assert (_pause_in(source), _pause_in(target)) == ((RESTORED, START), ("holidays", START - 9))


async def test_a_move_that_ends_before_its_commit_leaves_the_source_paused(target: str, tmp_path: Path) -> None:
    """Nobody knows then whether the copy is there; a move that is repeated leaves both paused, until compared."""
    source = put_database(tmp_path / "interrupted.db")
    pause_restored(tmp_path / "interrupted.db", since=START - 9)
    await move_database(source, target, now=START)
    assert {_pause_in(source), _pause_in(target)} == {(RESTORED, START - 9)}


async def test_a_move_that_cannot_be_is_refused(target: str, tmp_path: Path) -> None:
    source = put_database(tmp_path / "t.db")
    for wrong in ((source, source), (target, target)):
        with pytest.raises(Invalid):
            await move_database(*wrong, now=START)
    with pytest.raises(NotFound):
        await move_database(f"sqlite:///{tmp_path}/missing.db", target, now=START)
    with pytest.raises(Unavailable):
        await move_database(source, f"postgresql+asyncpg:///none?host={tmp_path}", now=START)
