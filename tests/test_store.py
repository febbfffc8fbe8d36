"""The database: groups of work in one commit, each its own; a schema that is what it says; faults that end."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from gateway.errors import Conflict, NotFound, Unavailable
from gateway.ports import Tx
from gateway.store import migration
from gateway.store.database import MOST_PER_COMMIT, SqliteStore, sqlite_engine
from gateway.store.indexes import UNRESOLVED
from gateway.store.lock import lock_data
from gateway.store.migration import HEAD, migrate, revision_of
from gateway.store.tables import metadata
from tests.database import dump_tables, put_database
from tests.samples import a_creator, an_invoice, an_item
from tests.till import Till


@pytest.fixture
def connection(tmp_path: Path) -> Connection:
    """A plain connection to a fresh, migrated database."""
    put_database(tmp_path / "plain.db")
    return sqlite_engine(tmp_path / "plain.db").connect()


async def on_thread(store: SqliteStore, lane: str, statement: str) -> object:
    """What a statement gives on the connection of a lane."""
    work = store.write if lane == "writer" else store.read
    return await work(lambda tx: tx.creators._connection.exec_driver_sql(statement).scalar())  # type: ignore[attr-defined]  # to look inside


# Groups --------------------------------------------------------------------------------------------------------------


async def test_work_that_waits_shares_a_commit_and_each_gets_its_own_result(store: SqliteStore) -> None:
    gate, groups = threading.Event(), []

    def add(number: int) -> Callable[[Tx], int]:
        def work(tx: Tx) -> int:
            tx.creators.insert(a_creator(f"c{number}"))
            return number

        return work

    blocked = asyncio.create_task(store.write(lambda _: gate.wait(10)))
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(store.write(add(number))) for number in range(20)]
    await asyncio.sleep(0)
    groups.append(store._writer._jobs.qsize())
    gate.set()
    assert await blocked
    assert await asyncio.gather(*waiting) == list(range(20))
    assert groups[0] >= 19
    assert len(await store.read(lambda tx: tx.creators.list())) == 20


async def test_one_failing_piece_of_work_leaves_its_neighbours_committed(store: SqliteStore) -> None:
    gate = threading.Event()

    def fails(error: Exception) -> Callable[[Tx], None]:
        def work(tx: Tx) -> None:
            tx.creators.insert(a_creator("half-done"))
            raise error

        return work

    def breaks_a_constraint(tx: Tx) -> None:
        tx.creators.insert(a_creator("half-done"))
        tx.items.insert(an_item(price_msat=999))

    blocked = asyncio.create_task(store.write(lambda _: gate.wait(10)))
    jobs = [
        store.write(lambda tx: tx.creators.insert(a_creator("before"))),
        store.write(fails(NotFound("item_not_found", "It is not there."))),
        store.write(fails(ZeroDivisionError())),
        store.write(breaks_a_constraint),
        store.write(lambda tx: tx.creators.insert(a_creator("after"))),
    ]
    waiting = asyncio.gather(*jobs, return_exceptions=True)
    await asyncio.sleep(0)
    gate.set()
    await blocked
    before, refused, crashed, constrained, after = await waiting
    assert (before, after) == (True, True)
    assert isinstance(refused, NotFound)
    assert isinstance(crashed, ZeroDivisionError)
    assert isinstance(constrained, IntegrityError)
    assert [creator.name for creator in await store.read(lambda tx: tx.creators.list())] == ["after", "before"]


async def test_a_write_is_committed_when_its_await_ends(store: SqliteStore, tmp_path: Path) -> None:
    for number in range(5):
        await store.write(lambda tx, n=number: tx.creators.insert(a_creator(f"c{n}")))  # type: ignore[misc]  # bound in the loop
        assert len(dump_tables(tmp_path / "tuppence.db")["creators"]) == number + 1


async def test_a_read_sees_every_write_that_ended_before_it_began(store: SqliteStore) -> None:
    for number in range(50):
        await store.write(lambda tx, n=number: tx.creators.insert(a_creator(f"c{n}")))  # type: ignore[misc]  # bound in the loop
        assert len(await store.read(lambda tx: tx.creators.list())) == number + 1


async def test_more_work_than_a_commit_takes_is_all_done(store: SqliteStore) -> None:
    count = MOST_PER_COMMIT * 2 + 1
    await asyncio.gather(
        *(store.write(lambda tx, n=n: tx.creators.insert(a_creator(f"c{n}"))) for n in range(count))  # type: ignore[misc]  # bound in the loop
    )
    assert len(await store.read(lambda tx: tx.creators.list())) == count


async def test_a_caller_who_gives_up_disturbs_nobody(store: SqliteStore) -> None:
    gate = threading.Event()
    blocked = asyncio.create_task(store.write(lambda _: gate.wait(10)))
    given_up = asyncio.create_task(store.write(lambda tx: tx.creators.insert(a_creator("given-up"))))
    other = asyncio.create_task(store.write(lambda tx: tx.creators.insert(a_creator("other"))))
    await asyncio.sleep(0)
    given_up.cancel()
    gate.set()
    assert await blocked
    assert await other


async def test_what_was_submitted_is_finished_before_the_close_and_nothing_is_taken_after_it(tmp_path: Path) -> None:
    put_database(tmp_path / "t.db")
    store = SqliteStore.open(tmp_path / "t.db")
    writes = [asyncio.create_task(store.write(lambda _: True)) for _ in range(9)]
    await asyncio.sleep(0)
    await store.close()
    assert await asyncio.gather(*writes) == [True] * 9
    for work in (store.write, store.read):
        with pytest.raises(Unavailable) as refusal:
            await work(lambda tx: tx.creators.list())
        assert refusal.value.code == "database_away"
    assert not any(lane._thread.is_alive() for lane in (store._writer, store._reader))


# Pragmas and faults --------------------------------------------------------------------------------------------------


async def test_the_promised_pragmas_are_in_force(store: SqliteStore) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5_000}
    assert {name: await on_thread(store, "writer", f"PRAGMA {name}") for name in wanted} == wanted
    wanted = {"journal_mode": "wal", "query_only": 1, "wal_autocheckpoint": 0, "busy_timeout": 5_000}
    assert {name: await on_thread(store, "reader", f"PRAGMA {name}") for name in wanted} == wanted


async def test_a_reader_cannot_write(store: SqliteStore) -> None:
    with pytest.raises(Unavailable):
        await store.read(lambda tx: tx.creators.insert(a_creator()))
    assert await store.read(lambda tx: tx.creators.list()) == []


async def test_a_full_disk_refuses_whole_and_recovers_without_a_restart(till: Till) -> None:
    invoices = await till.sell_many(3)
    for invoice in invoices:
        till.pay(invoice)
    pages = await on_thread(till.store, "writer", "PRAGMA page_count")
    before = till.dump()

    def fill(tx: Tx) -> None:
        tx.creators._connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")  # type: ignore[attr-defined]  # a full disk
        for number in range(1_000):
            tx.items.insert(an_item(f"item-{number}", title="t" * 200))

    neighbour = asyncio.create_task(till.store.write(fill))
    with pytest.raises(Unavailable) as refusal:
        await neighbour
    assert (refusal.value.code, refusal.value.retry_after_seconds) == ("database_away", 2)
    assert till.dump() == before
    await till.sweeper.sweep()
    assert await till.states(invoices) == ["settled"] * 3


async def test_a_database_that_is_locked_is_unavailable_until_it_is_free(store: SqliteStore, tmp_path: Path) -> None:
    await on_thread(store, "writer", "PRAGMA busy_timeout=1")
    engine = sqlite_engine(tmp_path / "tuppence.db")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as other:
        other.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable) as refusal:
            await store.write(lambda tx: tx.creators.insert(a_creator()))
        assert refusal.value.code == "database_away"
        assert await store.read(lambda tx: tx.creators.list()) == []
        other.exec_driver_sql("ROLLBACK")
    engine.dispose()
    assert await store.write(lambda tx: tx.creators.insert(a_creator()))


async def test_a_file_that_is_no_database_is_unavailable_until_it_is_restored(tmp_path: Path) -> None:
    path = tmp_path / "elsewhere.db"
    path.write_bytes(b"this is no database " * 100)
    broken = SqliteStore.open(path)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await broken.read(lambda tx: tx.creators.list())
    path.unlink()
    put_database(path)
    assert await broken.read(lambda tx: tx.creators.list()) == []
    await broken.close()


def test_a_data_folder_has_one_owner(tmp_path: Path) -> None:
    with lock_data(tmp_path / "data"):
        with pytest.raises(Conflict, match=r"in use by process \d+") as refusal, lock_data(tmp_path / "data"):
            pass
        assert refusal.value.code == "data_in_use"
    with lock_data(tmp_path / "data"):
        assert oct((tmp_path / "data").stat().st_mode)[-3:] == "700"


# The schema ----------------------------------------------------------------------------------------------------------


def test_a_migrated_empty_database_is_what_the_tables_say(connection: Connection) -> None:
    with connection:
        assert UNRESOLVED.table in metadata.tables.values()
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    connection.engine.dispose()


def test_the_newest_revision_is_the_one_that_start_up_compares(connection: Connection) -> None:
    config = AlembicConfig()
    config.set_main_option("script_location", str(migration._scripts()))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]
    with connection:
        assert revision_of(connection) == HEAD
        assert not migrate(connection)
    connection.engine.dispose()


INVOICE = (
    "INSERT INTO invoices (payment_hash, node_id, add_index, payment_request, item_id, tip_to, amount_msat, shares, "
    "origin, state, created_at, expires_at, paid_msat, settled_at) VALUES ('h', 'lnd', 1, 'r', {}, {}, {}, '[]', "
    "'checkout', '{}', 1, 2, {}, {})"
)
TRANSFER = "INSERT INTO transfers VALUES ('{}', 'share', {}, '{}', '{}', {}, 1)"


@pytest.mark.parametrize(
    "statement",
    [
        INVOICE.format("NULL", "NULL", 1, "open", "NULL", "NULL"),
        INVOICE.format("'i'", "'alice'", 1, "open", "NULL", "NULL"),
        INVOICE.format("'i'", "NULL", 0, "open", "NULL", "NULL"),
        INVOICE.format("'i'", "NULL", 1, "paid", "NULL", "NULL"),
        INVOICE.format("'i'", "NULL", 1, "settled", "NULL", "NULL"),
        INVOICE.format("'i'", "NULL", 1, "settled", "0", "5"),
        INVOICE.format("'i'", "NULL", 1, "settled", "NULL", "5"),
        INVOICE.format("'i'", "NULL", 1, "settled", "5", "NULL"),
        TRANSFER.format("h1", 9, "a", "b", 0),
        TRANSFER.format("h1", 9, "a", "b", -1),
        TRANSFER.format("h1", 9, "a", "a", 1),
        TRANSFER.format("h1", 0, "a", "b", 1),
        "INSERT INTO accounts VALUES ('creator:carol', -1)",
        "UPDATE accounts SET balance_msat = -1 WHERE account LIKE 'creator:%'",
        "INSERT INTO events VALUES (99, 'h1', 1)",
        "UPDATE transfers SET amount_msat = 1",
        "UPDATE transfers SET created_at = 9 WHERE payment_hash = 'h1'",
        "DELETE FROM transfers",
    ],
)
async def test_the_database_itself_refuses_what_must_not_be(till: Till, statement: str) -> None:
    invoice = await till.sell()
    till.pay(invoice)
    await till.sweeper.sweep()
    before = till.dump()
    wrong = statement.replace("'h1'", f"'{invoice.payment_hash}'").replace("'i'", "'welcome'")
    with pytest.raises(IntegrityError):
        await till.store.write(lambda tx: tx.creators._connection.execute(text(wrong)))  # type: ignore[attr-defined]  # what no code does
    assert till.dump() == before


async def test_a_row_must_belong_to_something_that_is_there(till: Till) -> None:
    for row in (an_invoice(item_id="nothing"), an_invoice(item_id=None, tip_to="nobody")):
        with pytest.raises(IntegrityError):
            await till.store.write(lambda tx, r=row: tx.invoices.insert(r))  # type: ignore[misc]  # bound in the loop
    assert await till.store.write(lambda tx: tx.invoices.insert(an_invoice()))
    assert not await till.store.write(lambda tx: tx.invoices.insert(an_invoice()))
    assert not await till.store.write(lambda tx: tx.items.update(an_item("nothing")))
