"""PostgreSQL: durable commits, retries, recovery from faults, and one migration by concurrent starts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update

from gateway.errors import Invalid, OutcomeUnknown, Unavailable
from gateway.ports.store import Store, Tx
from gateway.store.engines import postgres
from gateway.store.engines.database import Database, migrate_database, open_database
from gateway.store.engines.postgres import POOL_SIZE, PostgresStore, PostgresTiming
from gateway.store.tables.schema import creators
from tests.support.clock import until
from tests.support.databases import dump_tables, in_a_thread
from tests.support.postgres_server import Cluster
from tests.support.rows import a_creator
from tests.support.tcp_proxy import TcpProxy, tcp_proxy

pytestmark = pytest.mark.postgres

REFUSE_TO_SERIALISE = "DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'serialization_failure'; END $$"


@pytest.fixture
def database_url(cluster: Cluster) -> str:
    """Here it is PostgreSQL."""
    return cluster.url(in_a_thread(cluster.emptied()))


@pytest.fixture
async def proxy(cluster: Cluster) -> AsyncIterator[TcpProxy]:
    """Something between the gateway and the server that can fail."""
    async with tcp_proxy(f"127.0.0.1:{cluster.port}") as between:
        yield between


@pytest.fixture
async def far(cluster: Cluster, proxy: TcpProxy, database_url: str) -> AsyncIterator[Database]:
    """The same database behind the proxy."""
    assert database_url
    store = await open_database(cluster.tcp_url("tuppence_shared", int(proxy.target.rpartition(":")[2])))
    yield store
    await store.close()


LOCKS_TAKEN = """SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE locktype = 'advisory' AND granted AND datname = current_database()"""


def execute(tx: Tx, statement: str) -> Any:
    """The value that a statement of a test's own gives."""
    return tx.creators._connection.execute(text(statement)).scalar()  # type: ignore[attr-defined]  # to look inside


def add(name: str) -> Callable[[Tx], bool]:
    return lambda tx: tx.creators.insert(a_creator(name))


async def names(store: Store) -> list[str]:
    return [creator.name for creator in await store.read(lambda tx: tx.creators.list())]


# What is promised of every transaction -------------------------------------------------------------------------------


async def test_the_promised_limits_are_in_force(store: Database) -> None:
    wanted = {"statement_timeout": "10s", "lock_timeout": "1500ms", "idle_in_transaction_session_timeout": "4s"}
    for work in (store.write, store.read):
        found = await work(lambda tx: {name: execute(tx, f"SHOW {name}") for name in wanted})
        assert found == wanted
    assert await store.write(lambda tx: execute(tx, "SHOW transaction_isolation")) == "read committed"
    assert await store.read(lambda tx: execute(tx, "SHOW transaction_isolation")) == "repeatable read"
    assert await store.read(lambda tx: execute(tx, "SHOW transaction_read_only")) == "on"


@pytest.mark.parametrize(("told", "kept"), [("off", "on"), ("on", "on"), ("remote_apply", "remote_apply")])
async def test_a_commit_is_never_less_durable_than_on(cluster: Cluster, told: str, kept: str) -> None:
    name = await cluster.new_database()
    await cluster.execute(f"ALTER DATABASE {name} SET synchronous_commit = {told}")
    store = await open_database(cluster.url(name))
    assert await store.write(lambda tx: execute(tx, "SHOW synchronous_commit")) == kept
    await store.close()


async def test_a_read_is_of_one_instant(store: Database, database_url: str) -> None:
    async def change_elsewhere() -> bool:
        other = await open_database(database_url)
        try:
            return await other.write(add("meanwhile"))
        finally:
            await other.close()

    def look_twice(tx: Tx) -> list[int]:
        return [len(tx.creators.list()), in_a_thread(change_elsewhere()), len(tx.creators.list())]

    assert await store.read(look_twice) == [0, True, 0]
    assert await names(store) == ["meanwhile"]


async def test_more_work_than_connections_is_all_done(store: Database) -> None:
    many = [f"c{number:03}" for number in range(POOL_SIZE * 20)]
    assert all(await asyncio.gather(*(store.write(add(name)) for name in many)))
    assert await names(store) == many


# Trying again --------------------------------------------------------------------------------------------------------


def lengthen(tx: Tx, name: str) -> None:
    changed = update(creators).where(creators.c.name == name).values(title=creators.c.title + ".")
    tx.creators._connection.execute(changed)  # type: ignore[attr-defined]  # to look inside


async def test_work_that_deadlocked_is_done_after_all(store: Database) -> None:
    for name in ("alice", "bob"):
        await store.write(add(name))
    tries = []

    def touch_both(first: str, second: str) -> Callable[[Tx], None]:
        def work(tx: Tx) -> None:
            tries.append(first)
            lengthen(tx, first)
            execute(tx, f"SELECT pg_advisory_xact_lock({len(tries)})")
            # Until the other holds its first too; the third try is alone.
            while len(tries) < 3 and execute(tx, LOCKS_TAKEN) < 2:
                pass
            lengthen(tx, second)

        return work

    await asyncio.gather(store.write(touch_both("alice", "bob")), store.write(touch_both("bob", "alice")))
    assert len(tries) == 3
    titles = [creator.title for creator in await store.read(lambda tx: tx.creators.list())]
    assert titles == ["Alice..", "Bob.."]


async def test_work_that_cannot_be_serialised_is_given_up_after_a_few_tries(store: Database) -> None:
    tries = []

    def never(tx: Tx) -> None:
        tries.append(1)
        tx.creators._connection.exec_driver_sql(REFUSE_TO_SERIALISE)  # type: ignore[attr-defined]  # to look inside

    with pytest.raises(Unavailable):
        await store.write(never)
    assert len(tries) == postgres.MOST_TRIES


async def test_connections_that_the_server_ended_are_replaced_without_anybody_noticing(
    store: Database, cluster: Cluster
) -> None:
    await asyncio.gather(*(store.write(add(f"c{number}")) for number in range(POOL_SIZE)))
    await cluster.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'tuppence_shared'"
        " AND application_name = 'tuppence'"
    )
    assert await store.write(add("later"))
    assert len(await names(store)) == POOL_SIZE + 1


# Faults --------------------------------------------------------------------------------------------------------------


async def test_a_server_that_is_away_is_unavailable_until_it_is_back(far: Database, proxy: TcpProxy) -> None:
    assert await far.write(add("before"))
    proxy.refuse()
    for work in (far.write, far.read):
        with pytest.raises(Unavailable) as refusal:
            await work(lambda tx: tx.creators.list())
        assert (refusal.value.code, refusal.value.retry_after_seconds) == ("database_away", 2)
    proxy.pass_on()
    assert await names(far) == ["before"]


@pytest.mark.usefixtures("database_url")
async def test_a_server_that_answers_nothing_is_given_up(cluster: Cluster, proxy: TcpProxy) -> None:
    timing = PostgresTiming(command_seconds=0.2, connect_seconds=0.2)
    address = cluster.tcp_url("tuppence_shared", int(proxy.target.rpartition(":")[2]))
    store = await PostgresStore.open(address, timing=timing)
    assert await store.write(add("before"))
    proxy.swallow()
    for _ in range(2):
        with pytest.raises(Unavailable):
            await store.write(add("lost"))
    proxy.pass_on()
    assert await store.write(add("after"))
    assert await names(store) == ["after", "before"]
    await store.close()


async def test_a_commit_that_is_never_answered_has_an_unknown_outcome(
    far: Database, proxy: TcpProxy, database_url: str
) -> None:
    def work(tx: Tx) -> None:
        tx.creators.insert(a_creator("perhaps"))
        proxy.lose_answers()

    with pytest.raises(OutcomeUnknown) as refusal:
        await far.write(work)
    assert refusal.value.code == "commit_unanswered"
    proxy.pass_on()
    # This time the server had committed, as the error's text allows.
    await until(lambda: len(dump_tables(database_url)["creators"]) == 1)
    assert not await far.write(add("perhaps"))


async def test_a_lock_that_is_never_freed_is_no_reason_to_wait_for_ever(store: Database, database_url: str) -> None:
    await store.write(add("alice"))
    locked, free = asyncio.Event(), asyncio.Event()
    other = await open_database(database_url)

    async def holder() -> None:
        async with other._writer.connect() as connection:  # type: ignore[attr-defined]  # a transaction that stays open
            await connection.execute(text("SELECT 1 FROM creators FOR UPDATE"))
            locked.set()
            await free.wait()

    holding = asyncio.create_task(holder())
    await locked.wait()

    def wait_a_little(tx: Tx) -> None:
        execute(tx, "SELECT set_config('lock_timeout', '20ms', true)")
        tx.creators.replace_key("alice", key_id="k", key_hash="h")

    with pytest.raises(Unavailable):
        await store.write(wait_a_little)
    free.set()
    await holding
    assert await store.write(lambda tx: tx.creators.replace_key("alice", key_id="k", key_hash="h"))
    await other.close()


# Start-up ------------------------------------------------------------------------------------------------------------


async def test_several_that_start_at_once_migrate_once(cluster: Cluster) -> None:
    name = await cluster.new_database("template0")
    moved = await asyncio.gather(*(migrate_database(cluster.url(name)) for _ in range(4)))
    assert sorted(moved) == [False, False, False, True]
    stores = await asyncio.gather(*(open_database(cluster.url(name)) for _ in range(3)))
    for store in stores:
        assert isinstance(store, PostgresStore)
        assert await names(store) == []
        await store.close()


@pytest.mark.parametrize(
    "url", ["mysql://x/y", "postgresql://x/y", "postgresql+psycopg://x/y", "nonsense", "sqlite://"]
)
async def test_an_address_that_names_no_database_of_ours_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match=r"must be sqlite:///path/of/a\.db or postgresql\+asyncpg://") as refusal:
        await open_database(url)
    assert refusal.value.code == "config_invalid"


async def test_a_server_that_is_not_there_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="refused") as refusal:
        await open_database(f"postgresql+asyncpg://me:hidden@/db?host={tmp_path}")
    assert "hidden" not in refusal.value.detail


@pytest.mark.parametrize("backend", ["7", "nextval('public.backends')::int"])
async def test_a_pooler_that_shares_sessions_is_named_at_the_start(cluster: Cluster, backend: str) -> None:
    """Two clients at one server's process, or one client at two: the database names the processes so."""
    name = await cluster.new_database()
    await cluster.execute("CREATE SEQUENCE backends", name)
    await cluster.execute(f"CREATE FUNCTION pg_backend_pid() RETURNS int LANGUAGE sql AS $$ SELECT {backend} $$", name)
    await cluster.execute(f"ALTER DATABASE {name} SET search_path = public, pg_catalog")
    with pytest.raises(Invalid, match="PgBouncer") as refusal:
        await open_database(cluster.url(name))
    assert refusal.value.code == "database_pooled"
