"""An upgrade from any schema keeps every row, every trigger, every reference, and everything that was bought."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import IntegrityError

from gateway.access.tokens import mint_token
from gateway.books.receipt_numbers import receipt_number
from gateway.config import load_config
from gateway.errors import Unavailable
from gateway.rows import Invoice
from gateway.simulator.core import Simulator
from gateway.store.engines import migration
from gateway.store.engines.database import migrate_database, open_database, read_database
from gateway.store.engines.database_url import sqlite_path
from gateway.store.files.keyring import FileKeyRing
from gateway.wire.l402.challenge import encode_token
from tests.support.clock import FakeClock
from tests.support.databases import broken_invariants, change, in_a_thread, seen_in
from tests.support.old_schemas import DIGEST, GIVEN_UP, PAID, PAID_PART, REVISIONS, WAITING, build_schema
from tests.support.postgres_server import Cluster
from tests.support.rows import NODE_ACCOUNT, START, a_report, hash_of
from tests.support.site import Site, open_site

ROOT = Path(__file__).parents[2]
KILLED = """
import asyncio, os, signal, sys
from sqlalchemy import Engine, event
from gateway.store.engines.database import migrate_database

@event.listens_for(Engine, "before_cursor_execute")
def kill(connection, cursor, statement, parameters, context, many):
    if sys.argv[2] in f"{statement} {parameters}":
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(migrate_database(sys.argv[1]))
"""
"""Migrates until it comes to a statement."""

Rows = dict[str, list[dict[str, object]]]


@pytest.fixture(params=[REVISIONS[0], REVISIONS[-1]])
def revision(request: pytest.FixtureRequest) -> str:
    """The first schema, and the last before this one."""
    return str(request.param)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def old_url(request: pytest.FixtureRequest, revision: str, tmp_path: Path) -> str:
    """A database of an old schema that has sold something, of either kind."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'tuppence.db'}"
    else:
        cluster: Cluster = request.getfixturevalue("cluster")
        url = cluster.url(in_a_thread(cluster.new_database("template1")))
    change(url, lambda connection: build_schema(connection, revision))
    return url


def rows_of(connection: Connection, columns: dict[str, list[str]]) -> Rows:
    """Every row, by those columns."""
    return {
        table: sorted(
            (dict(row) for row in connection.execute(text(f"SELECT {', '.join(names)} FROM {table}")).mappings()),
            key=repr,
        )
        for table, names in columns.items()
    }


def columns_of(connection: Connection) -> dict[str, list[str]]:
    """The columns of every table that holds something but the revision."""
    tables = {*inspect(connection).get_table_names()} - {"alembic_version"}
    return {table: [*connection.execute(text(f"SELECT * FROM {table}")).keys()] for table in sorted(tables)}


def seen(url: str, columns: dict[str, list[str]]) -> Rows:
    """Every row of a database, by those columns."""
    return seen_in(url, lambda connection: rows_of(connection, columns))


@pytest.mark.parametrize("revision", REVISIONS)
def test_an_upgrade_from_every_schema_keeps_every_row(old_url: str, revision: str) -> None:
    columns = seen_in(old_url, columns_of)
    before = seen(old_url, columns)
    assert seen_in(old_url, migration.revision_of) == revision
    assert [table for table, rows in before.items() if not rows] == [], "every table has something to lose"
    assert in_a_thread(migrate_database(old_url))
    assert seen_in(old_url, migration.revision_of) == migration.HEAD
    assert seen(old_url, columns) == before
    assert broken_invariants(old_url) == []
    assert not in_a_thread(migrate_database(old_url))


@pytest.mark.parametrize("revision", ["0007"])
def test_previews_of_before_an_upgrade_stay_when_their_texts_are_replaced(old_url: str) -> None:
    in_a_thread(migrate_database(old_url))
    assert {row["preview_source"] for row in seen(old_url, {"items": ["preview_source"]})["items"]} == {"given"}


# Interrupted ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("revision", [REVISIONS[0]])
def test_an_upgrade_that_fails_midway_changes_nothing_and_succeeds_once_its_cause_is_mended(old_url: str) -> None:
    """What the first schema let pass, a settlement without its amount, the fourth refuses."""
    amount = "UPDATE invoices SET paid_msat = {} WHERE state = 'settled'"
    change(old_url, lambda connection: connection.exec_driver_sql(amount.format("NULL")))
    before, columns = seen_in(old_url, schema_of), seen_in(old_url, columns_of)
    rows = seen(old_url, columns)
    for _ in range(2):
        with pytest.raises((IntegrityError, Unavailable), match="settled_is_paid"):
            in_a_thread(migrate_database(old_url))
        assert (seen_in(old_url, schema_of), seen(old_url, columns)) == (before, rows)
    change(old_url, lambda connection: connection.exec_driver_sql(amount.format("100000")))
    assert in_a_thread(migrate_database(old_url))
    assert seen_in(old_url, migration.revision_of) == migration.HEAD
    assert broken_invariants(old_url) == []


@pytest.mark.parametrize("old_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("revision", [REVISIONS[0]])
@pytest.mark.parametrize("step", ["DROP TABLE invoices", "ADD COLUMN page_url", "SET canceled_at", "'0007'"])
def test_an_upgrade_that_is_killed_between_two_steps_is_done_by_the_next_start(old_url: str, step: str) -> None:
    before, columns = seen_in(old_url, schema_of), seen_in(old_url, columns_of)
    rows = seen(old_url, columns)
    killed = subprocess.run([sys.executable, "-c", KILLED, old_url, step], check=False, cwd=ROOT)
    assert killed.returncode == -signal.SIGKILL
    assert (seen_in(old_url, schema_of), seen(old_url, columns)) == (before, rows)
    assert in_a_thread(migrate_database(old_url))
    assert seen(old_url, columns) == rows
    assert broken_invariants(old_url) == []


def schema_of(connection: Connection) -> tuple[str | None, list[str]]:
    """The revision, and every table with its columns."""
    return migration.revision_of(connection), [f"{table} {names}" for table, names in columns_of(connection).items()]


# After it ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE transfers SET amount_msat = 1",
        "DELETE FROM transfers",
        "UPDATE invoices SET item_id = NULL",
        "UPDATE invoices SET state = 'paid'",
        "UPDATE invoices SET paid_msat = NULL",
        "UPDATE invoices SET item_id = 'nothing'",
        f"INSERT INTO events VALUES (2, '{hash_of(1)}', 2)",
        f"INSERT INTO events VALUES (2, '{hash_of(9)}', 2)",
    ],
)
def test_an_upgraded_database_refuses_what_it_refused_before(old_url: str, statement: str) -> None:
    in_a_thread(migrate_database(old_url))
    with pytest.raises(IntegrityError):
        in_a_thread(_written(old_url, statement))


async def _written(url: str, statement: str) -> None:
    store = await open_database(url)
    try:
        await store.write(lambda tx: tx.creators._connection.execute(text(statement)))  # type: ignore[attr-defined]  # what no code does
    finally:
        await store.close()


async def test_replicas_that_start_on_an_old_schema_at_once_migrate_it_once(old_url: str) -> None:
    if sqlite_path(old_url) is None:
        assert sorted(await asyncio.gather(*(migrate_database(old_url) for _ in range(3)))) == [False, False, True]
    else:
        assert [await migrate_database(old_url) for _ in range(2)] == [True, False]
    assert await read_database(old_url, migration.revision_of) == migration.HEAD


@pytest.mark.parametrize("revision", [REVISIONS[0], "0006"])
def test_the_last_day_of_what_was_canceled_before_begins_with_the_upgrade(old_url: str) -> None:
    """A purge counts from there; when it was canceled nobody wrote down."""
    began_at = int(time.time())
    in_a_thread(migrate_database(old_url))
    columns = {"invoices": ["payment_hash", "canceled_at"]}
    canceled_at = {row["payment_hash"]: row["canceled_at"] for row in seen(old_url, columns)["invoices"]}
    assert canceled_at.pop(GIVEN_UP.payment_hash) in range(began_at, int(time.time()) + 1)
    assert {*canceled_at.values()} == {None}


# Everything that was bought ------------------------------------------------------------------------------------------


@pytest.fixture
async def shop(old_url: str, tmp_path: Path, clock: FakeClock, core: Simulator) -> AsyncIterator[Site]:
    """Today's gateway on it, with the keys and contents of then."""
    config = load_config(data_dir=tmp_path, database_url=old_url, listen="127.0.0.1:8402")
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / DIGEST).write_bytes(PAID_PART)
    async with open_site(config, clock, core) as site:
        yield site
    assert broken_invariants(old_url) == []


def balances_in(shop: Site) -> dict[str, int]:
    """Every account's, in msat."""
    return {str(account): int(str(msat)) for account, msat in shop.dump()["accounts"]}


async def status_of(shop: Site, tmp_path: Path, invoice: Invoice) -> int:
    """What the token of an invoice gets."""
    token = encode_token(mint_token(FileKeyRing.open(tmp_path / "keys"), invoice))
    headers = {"Authorization": f"Bearer {token}"}
    status, body = await shop.call("GET", "/v1/items/welcome/content", headers=headers)
    assert (status == 200) == ("paid part" in str(body))
    return status


async def test_what_was_paid_before_an_upgrade_opens_after_it_and_the_rest_does_not(shop: Site, tmp_path: Path) -> None:
    assert [await status_of(shop, tmp_path, invoice) for invoice in (PAID, WAITING, GIVEN_UP)] == [200, 401, 401]


async def test_what_was_paid_before_an_upgrade_has_a_receipt_in_sat_alone(shop: Site, tmp_path: Path) -> None:
    token = encode_token(mint_token(FileKeyRing.open(tmp_path / "keys"), PAID))
    headers = {"Authorization": f"Bearer {token}"}
    status, receipt = await shop.call("GET", "/v1/receipt", headers=headers)
    assert (status, receipt["number"], receipt["rate"]) == (200, receipt_number(PAID.payment_hash, START + 60), None)
    status, page = await shop.call("GET", "/r", headers=headers)
    assert (status, receipt["number"] in page) == (200, True)
    _, found = await shop.call("GET", f"/v1/admin/payments?number={receipt['number']}", headers=shop.operator)
    assert [payment["payment_hash"] for payment in found] == [PAID.payment_hash]


async def test_an_invoice_of_before_an_upgrade_is_credited_when_it_is_paid(shop: Site, tmp_path: Path) -> None:
    before = balances_in(shop)
    assert len(await shop.gateway.settlers["lnd"].settle([a_report(WAITING)])) == 1
    assert await status_of(shop, tmp_path, WAITING) == 200
    credited = {"creator:alice": 70_000, "creator:bob": 30_000, NODE_ACCOUNT: -100_000}
    assert balances_in(shop) == {name: before.get(name, 0) + credited.get(name, 0) for name in {*before, *credited}}


async def test_an_upgraded_database_sells_on(shop: Site, tmp_path: Path) -> None:
    invoice, headers = await shop.buy("welcome")
    await shop.settle(invoice["payment_hash"])
    assert (await shop.call("GET", "/v1/items/welcome/content", headers=headers))[0] == 200
    assert (await shop.call("GET", "/readyz"))[0] == 200
    assert await status_of(shop, tmp_path, PAID) == 200
