"""An upgrade from the first schema keeps every row, every trigger, every reference, and everything that was bought."""

import asyncio
import time
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config as Alembic
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from gateway.access import mint_token
from gateway.config import load_config
from gateway.l402.challenge import encode_token
from gateway.lnd.simulator import Simulator
from gateway.rows import Invoice
from gateway.store import migration
from gateway.store.database import look_into, migrate_database, open_database, sqlite_path
from gateway.store.keyring import FileKeyRing
from tests.clock import FakeClock
from tests.cluster import Cluster
from tests.conftest import Site, open_site
from tests.database import broken_invariants, change, in_a_thread, seen_in
from tests.samples import EXPIRY_SECONDS, START, a_report, an_invoice, hash_of

PAID_PART = b"<p>The paid part.</p>"
DIGEST = sha256(PAID_PART).hexdigest()
PAID, WAITING, GIVEN_UP = (an_invoice(number) for number in (1, 2, 3))
_INVOICE = (
    "INSERT INTO invoices (payment_hash, node_id, add_index, payment_request, item_id, amount_msat, shares, origin, "
    "state, created_at, expires_at, check_at, paid_msat, settled_at, settle_index) VALUES ('{hash}', 'lnd', {n}, 'r', "
    """'welcome', 100000, '[["alice", 70], ["bob", 30]]', 'checkout', '{state}', """
    f"{START}, {START + EXPIRY_SECONDS}, {{rest}})"
)
ROWS = (
    "INSERT INTO creators VALUES ('alice', 'Alice', '#b4632d', 'alice', 'x', 1), "
    "('bob', 'Bob', '#b4632d', 'bob', 'x', 1)",
    "INSERT INTO items VALUES ('welcome', 'text', 'W', 'alice', 100000, '', "
    f"""'[["alice", 70], ["bob", 30]]', NULL, 'text/html', {len(PAID_PART)}, 1, NULL, '{DIGEST}', NULL, 'active', """
    "1, 1)",
    _INVOICE.format(hash=PAID.payment_hash, n=1, state="settled", rest=f"NULL, 100000, {START + 60}, 1"),
    _INVOICE.format(
        hash=WAITING.payment_hash, n=2, state="open", rest=f"{START + EXPIRY_SECONDS + 5}, NULL, NULL, NULL"
    ),
    _INVOICE.format(hash=GIVEN_UP.payment_hash, n=3, state="canceled", rest="NULL, NULL, NULL, NULL"),
    f"INSERT INTO transfers VALUES ('{hash_of(1)}', 'share', 0, 'node:lightning', 'creator:alice', 70000, 2), "
    f"('{hash_of(1)}', 'share', 1, 'node:lightning', 'creator:bob', 30000, 2)",
    "INSERT INTO accounts VALUES ('creator:alice', 70000), ('creator:bob', 30000), ('node:lightning', -100000)",
    f"INSERT INTO events VALUES (1, '{hash_of(1)}', {START + 60})",
    "INSERT INTO counters VALUES ('event_position', 1), ('catalog_version', 1)",
)

Rows = dict[str, list[dict[str, object]]]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def old_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of the first schema that has sold something, of either kind."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'tuppence.db'}"
    else:
        cluster: Cluster = request.getfixturevalue("cluster")
        url = cluster.url(in_a_thread(cluster.new_database("template1")))
    change(url, _build_the_first_schema)
    return url


def _build_the_first_schema(connection: Connection) -> None:
    config = Alembic()
    config.set_main_option("script_location", str(migration._scripts()))
    config.attributes["connection"] = connection
    command.upgrade(config, "0001")
    for row in ROWS:
        connection.execute(text(row))


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
    tables = ("creators", "items", "invoices", "transfers", "accounts", "events", "tip_notes", "identities", "counters")
    return {table: [*connection.execute(text(f"SELECT * FROM {table}")).keys()] for table in tables}


def test_an_upgrade_keeps_every_row(old_url: str) -> None:
    columns = seen_in(old_url, columns_of)
    before = seen_in(old_url, lambda connection: rows_of(connection, columns))
    assert [len(before[table]) for table in ("creators", "invoices", "transfers", "events")] == [2, 3, 2, 1]
    assert in_a_thread(migrate_database(old_url))
    assert seen_in(old_url, migration.revision_of) == migration.HEAD
    assert seen_in(old_url, lambda connection: rows_of(connection, columns)) == before
    assert broken_invariants(old_url) == []
    assert not in_a_thread(migrate_database(old_url))


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
    assert await look_into(old_url, migration.revision_of) == migration.HEAD


def test_the_last_day_of_what_was_canceled_before_begins_with_the_upgrade(old_url: str) -> None:
    """A purge counts from there; when it was canceled nobody wrote down."""
    began_at = int(time.time())
    in_a_thread(migrate_database(old_url))
    columns = {"invoices": ["payment_hash", "canceled_at"]}
    rows = seen_in(old_url, lambda connection: rows_of(connection, columns))["invoices"]
    canceled_at = {row["payment_hash"]: row["canceled_at"] for row in rows}
    assert canceled_at.pop(GIVEN_UP.payment_hash) in range(began_at, int(time.time()) + 1)
    assert [*canceled_at.values()] == [None, None]


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


async def status_of(shop: Site, tmp_path: Path, invoice: Invoice) -> int:
    """What the token of an invoice gets."""
    token = encode_token(mint_token(FileKeyRing.open(tmp_path / "keys"), invoice))
    headers = {"Authorization": f"Bearer {token}"}
    status, body = await shop.call("GET", "/v1/items/welcome/content", headers=headers)
    assert (status == 200) == ("paid part" in str(body))
    return status


async def test_what_was_paid_before_an_upgrade_opens_after_it_and_the_rest_does_not(shop: Site, tmp_path: Path) -> None:
    assert [await status_of(shop, tmp_path, invoice) for invoice in (PAID, WAITING, GIVEN_UP)] == [200, 401, 401]


async def test_an_invoice_of_before_an_upgrade_is_credited_when_it_is_paid(shop: Site, tmp_path: Path) -> None:
    assert len(await shop.gateway.nodes["lnd"].settler.settle([a_report(WAITING)])) == 1
    assert await status_of(shop, tmp_path, WAITING) == 200
    balances = {str(row[0]): row[1] for row in shop.dump()["accounts"]}
    assert balances == {"creator:alice": 140_000, "creator:bob": 60_000, "node:lightning": -200_000}


async def test_an_upgraded_database_sells_on(shop: Site, tmp_path: Path) -> None:
    invoice, headers = await shop.buy("welcome")
    await shop.settle(invoice["payment_hash"])
    assert (await shop.call("GET", "/v1/items/welcome/content", headers=headers))[0] == 200
    assert (await shop.call("GET", "/readyz"))[0] == 200
    assert await status_of(shop, tmp_path, PAID) == 200
