"""An upgrade from an earlier schema keeps every row, every trigger and every reference."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from gateway.store import migration
from gateway.store.sqlite import SqliteStore, sqlite_engine
from tests.database import broken_invariants, dump_tables
from tests.samples import an_invoice

ROWS = (
    "INSERT INTO creators VALUES ('alice', 'Alice', '#b4632d', 'alice', 'x', 1)",
    "INSERT INTO items VALUES ('welcome', 'text', 'W', 'alice', 1000, '', '[]', NULL, 'text/html', 1, 1, NULL, 'd', "
    "NULL, 'active', 1, 1)",
    "INSERT INTO invoices (payment_hash, node_id, add_index, payment_request, item_id, amount_msat, shares, origin, "
    "state, created_at, expires_at, paid_msat, settled_at, settle_index) VALUES ('h1', 'lnd', 1, 'r', 'welcome', 1000, "
    """'[["alice", 1]]', 'checkout', 'settled', 1, 2, 1000, 2, 1)""",
    "INSERT INTO transfers VALUES ('h1', 'share', 0, 'node:lightning', 'creator:alice', 1000, 2)",
    "INSERT INTO accounts VALUES ('creator:alice', 1000), ('node:lightning', -1000)",
    "INSERT INTO events VALUES (1, 'h1', 2)",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database of the first schema that has sold something."""
    path = tmp_path / "tuppence.db"
    config = Config()
    config.set_main_option("script_location", str(migration._scripts()))
    engine = sqlite_engine(path)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for row in ROWS:
            connection.execute(text(row))
    engine.dispose()
    return path


@pytest.fixture
def upgraded(path: Path) -> Iterator[Connection]:
    engine = sqlite_engine(path)
    with engine.begin() as connection:
        assert migration.migrate(connection)
        yield connection
    engine.dispose()


def test_an_upgrade_keeps_every_row(path: Path) -> None:
    before = dump_tables(path)
    engine = sqlite_engine(path)
    with engine.begin() as connection:
        assert migration.migrate(connection)
        assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
    engine.dispose()
    after = dump_tables(path)
    assert after.pop("alembic_version") == [(migration.HEAD,)]
    assert before.pop("alembic_version") == [("0001",)]
    assert {
        name: as_wide(rows, before.get(name, [])) for name, rows in after.items() if rows or name in before
    } == before
    assert broken_invariants(path) == []


def as_wide(rows: list[tuple[object, ...]], before: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """The columns that were there before; new ones come last."""
    return [row[: len(before[0])] for row in rows] if before else rows


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE transfers SET amount_msat = 1",
        "DELETE FROM transfers",
        "UPDATE invoices SET item_id = NULL",
        "UPDATE invoices SET state = 'paid'",
        "UPDATE invoices SET paid_msat = NULL",
        "UPDATE invoices SET item_id = 'nothing'",
        "INSERT INTO events VALUES (2, 'h1', 2)",
        "INSERT INTO events VALUES (2, 'h2', 2)",
    ],
)
def test_an_upgraded_database_refuses_what_it_refused_before(upgraded: Connection, statement: str) -> None:
    upgraded.exec_driver_sql("COMMIT")
    upgraded.exec_driver_sql("PRAGMA foreign_keys=ON")
    with pytest.raises(IntegrityError):
        upgraded.execute(text(statement))


async def test_an_upgraded_database_sells_on(path: Path) -> None:
    engine = sqlite_engine(path)
    with engine.begin() as connection:
        migration.migrate(connection)
    engine.dispose()
    store = SqliteStore.open(path)
    assert await store.write(lambda tx: tx.invoices.insert(an_invoice()))
    assert [row.payment_hash for row in await store.read(lambda tx: tx.invoices.get_many(["h1"]))] == ["h1"]
    await store.close()
