"""SQLite: group commit, pragmas, recovery from faults, and one owner."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import event

from gateway.errors import Conflict, Unavailable
from gateway.ports.store import Store, Tx
from gateway.store.engines.sqlite import MOST_PER_COMMIT, SqliteStore, sqlite_engine
from gateway.store.files.lock import lock_data
from tests.support.clock import turns
from tests.support.databases import put_database
from tests.support.domain import Domain
from tests.support.rows import a_creator, an_item


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Here it is SQLite."""
    return put_database(tmp_path / "tuppence.db")


@pytest.fixture
def file(tmp_path: Path, database_url: str) -> Path:
    """Where the database lies."""
    path = tmp_path / "tuppence.db"
    assert database_url.endswith(str(path))
    return path


@pytest.fixture
async def store(file: Path) -> AsyncIterator[SqliteStore]:
    """An empty database file, open."""
    opened = SqliteStore.open(file)
    yield opened
    await opened.close()


async def on_thread(store: Store, lane: str, statement: str) -> object:
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
    await turns()
    waiting = [asyncio.create_task(store.write(add(number))) for number in range(20)]
    await turns()
    groups.append(store._writer._jobs.qsize())
    gate.set()
    assert await blocked
    assert await asyncio.gather(*waiting) == list(range(20))
    assert groups[0] >= 19
    assert len(await store.read(lambda tx: tx.creators.list())) == 20


async def test_more_work_than_a_commit_takes_is_all_done(store: SqliteStore) -> None:
    count = MOST_PER_COMMIT * 2 + 1
    assert await asyncio.gather(*(store.write(lambda _, n=n: n) for n in range(count))) == [*range(count)]  # type: ignore[misc]  # bound in the loop


async def test_the_lanes_end_with_the_store(file: Path) -> None:
    store = SqliteStore.open(file)
    await store.close()
    assert not any(lane._thread.is_alive() for lane in (store._writer, store._reader))


FAILS_IN = {"connect": "connect", "group": "before_cursor_execute"}
"""The event of the engine that fails."""


@pytest.mark.parametrize("lane", ["writer", "reader"])
@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("a defect"),
        MemoryError(),
        OSError("disk"),
        StopIteration(),
        SystemExit(1),
        KeyboardInterrupt(),
        asyncio.CancelledError(),
    ],
    ids=repr,
)
@pytest.mark.parametrize("where", ["work", "group", "connect"])
async def test_whatever_goes_wrong_on_a_lane_is_told_to_those_who_wait_and_the_lane_lives(
    store: SqliteStore, where: str, error: BaseException, lane: str
) -> None:
    def fail(*_arguments: object) -> None:
        raise error

    submit = store.write if lane == "writer" else store.read
    if where == "group":
        await submit(lambda _: "connected")
    if where != "work":
        event.listen(store._engine, FAILS_IN[where], fail)
    jobs = [asyncio.ensure_future(submit(fail if where == "work" else lambda _: None)) for _ in range(3)]
    async with asyncio.timeout(5):
        done, _ = await asyncio.wait(jobs)
    if where != "work":
        event.remove(store._engine, FAILS_IN[where], fail)
    assert all(job.cancelled() or job.exception() is not None for job in done)
    async with asyncio.timeout(5):
        assert await submit(lambda _: "it lives") == "it lives"


async def test_a_lane_whose_thread_has_ended_refuses_at_once(store: SqliteStore) -> None:
    store._writer._jobs.put(None)
    await asyncio.to_thread(store._writer._thread.join)
    async with asyncio.timeout(1):
        with pytest.raises(Unavailable) as refusal:
            await store.write(lambda _: None)
    assert refusal.value.code == "database_away"


# Pragmas and faults --------------------------------------------------------------------------------------------------


async def test_the_promised_pragmas_are_in_force(store: SqliteStore) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5_000}
    assert {name: await on_thread(store, "writer", f"PRAGMA {name}") for name in wanted} == wanted
    wanted = {"journal_mode": "wal", "query_only": 1, "wal_autocheckpoint": 0, "busy_timeout": 5_000}
    assert {name: await on_thread(store, "reader", f"PRAGMA {name}") for name in wanted} == wanted


async def test_a_full_disk_refuses_whole_and_recovers_without_a_restart(domain: Domain) -> None:
    invoices = await domain.sell_many(3)
    for invoice in invoices:
        domain.pay(invoice)
    pages = await on_thread(domain.store, "writer", "PRAGMA page_count")
    before = domain.dump()

    def fill(tx: Tx) -> None:
        tx.creators._connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")  # type: ignore[attr-defined]  # a full disk
        for number in range(1_000):
            tx.items.insert(an_item(f"item-{number}", title="t" * 200))

    neighbour = asyncio.create_task(domain.store.write(fill))
    with pytest.raises(Unavailable) as refusal:
        await neighbour
    assert (refusal.value.code, refusal.value.retry_after_seconds) == ("database_away", 2)
    assert domain.dump() == before
    await domain.sweeper.sweep()
    assert await domain.states(invoices) == ["settled"] * 3


async def test_a_database_that_is_locked_is_unavailable_until_it_is_free(store: SqliteStore, file: Path) -> None:
    await on_thread(store, "writer", "PRAGMA busy_timeout=1")
    engine = sqlite_engine(file)
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
