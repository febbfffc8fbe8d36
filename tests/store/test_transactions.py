"""Transactions on either database: each piece of work is applied whole or not at all; the schema is enforced."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from gateway.errors import NotFound, Unavailable
from gateway.money import Msat
from gateway.ports.store import Tx
from gateway.rows import ItemState, Share
from gateway.store.engines import migration
from gateway.store.engines.database import Database, migrate_database, open_database
from gateway.store.engines.migration import HEAD, revision_of
from gateway.store.engines.sqlite import SqliteStore
from gateway.store.tables.schema import metadata
from gateway.store.tables.schema.indexes import INDEXES
from tests.support.clock import turns
from tests.support.databases import dump_tables, seen_in
from tests.support.domain import Domain
from tests.support.rows import a_creator, an_invoice, an_item, hash_of

MANY = 300


# Pieces of work ------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def one_group(store: Database) -> AsyncIterator[None]:
    """What is submitted here runs at the end; on SQLite, whose writer is held up meanwhile, in one transaction."""
    if not isinstance(store, SqliteStore):
        yield
        return
    gate = threading.Event()
    held = asyncio.create_task(store.write(lambda _: gate.wait(10)))
    await turns()
    yield
    await turns()
    gate.set()
    assert await held


async def test_one_failing_piece_of_work_leaves_its_neighbours_committed(store: Database) -> None:
    def fails(error: Exception) -> Callable[[Tx], None]:
        def work(tx: Tx) -> None:
            tx.creators.insert(a_creator("half-done"))
            raise error

        return work

    def breaks_a_constraint(tx: Tx) -> None:
        tx.creators.insert(a_creator("half-done"))
        tx.items.insert(an_item(price_msat=999))

    jobs = [
        store.write(lambda tx: tx.creators.insert(a_creator("before"))),
        store.write(fails(NotFound("item_not_found", "It is not there."))),
        store.write(fails(ZeroDivisionError())),
        store.write(breaks_a_constraint),
        store.write(lambda tx: tx.creators.insert(a_creator("after"))),
    ]
    async with one_group(store):
        waiting = asyncio.gather(*jobs, return_exceptions=True)
    before, refused, crashed, constrained, after = await waiting
    assert (before, after) == (True, True)
    assert isinstance(refused, NotFound)
    assert isinstance(crashed, ZeroDivisionError)
    assert isinstance(constrained, IntegrityError)
    assert [creator.name for creator in await store.read(lambda tx: tx.creators.list())] == ["after", "before"]


async def test_a_probe_of_writing_leaves_no_trace(domain: Domain) -> None:
    before = domain.dump()
    await asyncio.gather(*(domain.store.write(lambda tx: tx.probe_write()) for _ in range(5)))
    assert domain.dump() == before


async def test_a_write_is_committed_when_its_await_ends(store: Database, database_url: str) -> None:
    for number in range(5):
        await store.write(lambda tx, n=number: tx.creators.insert(a_creator(f"c{n}")))  # type: ignore[misc]  # bound in the loop
        assert len(dump_tables(database_url)["creators"]) == number + 1


async def test_a_read_sees_every_write_that_ended_before_it_began(store: Database) -> None:
    for number in range(50):
        await store.write(lambda tx, n=number: tx.creators.insert(a_creator(f"c{n}")))  # type: ignore[misc]  # bound in the loop
        assert len(await store.read(lambda tx: tx.creators.list())) == number + 1


async def test_more_work_than_a_commit_takes_is_all_done(store: Database) -> None:
    await asyncio.gather(
        *(store.write(lambda tx, n=n: tx.creators.insert(a_creator(f"c{n}"))) for n in range(MANY))  # type: ignore[misc]  # bound in the loop
    )
    assert len(await store.read(lambda tx: tx.creators.list())) == MANY


async def test_a_caller_who_gives_up_disturbs_nobody(store: Database) -> None:
    given_up = asyncio.create_task(store.write(lambda tx: tx.creators.insert(a_creator("given-up"))))
    other = asyncio.create_task(store.write(lambda tx: tx.creators.insert(a_creator("other"))))
    await turns()
    given_up.cancel()
    assert await other
    assert await store.write(lambda tx: tx.creators.insert(a_creator("later")))


async def test_what_was_submitted_is_finished_before_the_close_and_nothing_is_taken_after_it(database_url: str) -> None:
    store = await open_database(database_url)
    writes = [asyncio.create_task(store.write(lambda _: True)) for _ in range(9)]
    await turns()
    await store.close()
    assert await asyncio.gather(*writes) == [True] * 9
    for work in (store.write, store.read):
        with pytest.raises(Unavailable) as refusal:
            await work(lambda tx: tx.creators.list())
        assert refusal.value.code == "database_away"


@pytest.mark.parametrize(
    "change",
    [
        {"price_msat": Msat(99_000)},
        {"shares": (Share(creator="alice", weight=1),)},
        {"access_seconds": 60},
        {"state": ItemState.ARCHIVED},
    ],
)
async def test_an_invoice_is_inserted_only_while_its_item_is_sold_on_its_terms(
    store: Database, change: dict[str, Any]
) -> None:
    def insert(tx: Tx, number: int) -> bool:
        return tx.invoices.insert_if_current(an_invoice(number, access_seconds=access_seconds))

    access_seconds = None if "access_seconds" in change else 3_600
    item = an_item(access_seconds=access_seconds)
    await store.write(lambda tx: [tx.creators.insert(a_creator(name)) for name in ("alice", "bob")])
    await store.write(lambda tx: tx.items.insert(item))
    assert await store.write(lambda tx: insert(tx, 1))
    assert not await store.write(lambda tx: insert(tx, 1)), "its payment hash is taken"
    await store.write(lambda tx: tx.items.update(replace(item, **change)))
    assert not await store.write(lambda tx: insert(tx, 2))
    await store.write(lambda tx: tx.items.update(item))
    assert await store.write(lambda tx: insert(tx, 2))
    assert await store.read(lambda tx: tx.invoices.get(hash_of(2))) == an_invoice(2, access_seconds=access_seconds)


async def test_a_read_cannot_write(store: Database) -> None:
    with pytest.raises(Unavailable):
        await store.read(lambda tx: tx.creators.insert(a_creator()))
    assert await store.read(lambda tx: tx.creators.list()) == []


async def test_changes_of_one_item_at_once_are_all_made(domain: Domain) -> None:
    def longer(tx: Tx) -> None:
        item = tx.items.lock("welcome")
        assert item is not None
        tx.items.update(an_item(title=item.title + "."))

    before = domain.catalog.item("welcome").title
    await asyncio.gather(*(domain.store.write(longer) for _ in range(20)))
    await domain.catalog.refresh()
    assert domain.catalog.item("welcome").title == before + "." * 20


# The schema ----------------------------------------------------------------------------------------------------------


def test_a_migrated_empty_database_is_what_the_tables_say(database_url: str) -> None:
    assert {index.table for index in INDEXES} <= {*metadata.tables.values()}
    assert seen_in(database_url, lambda c: compare_metadata(MigrationContext.configure(c), metadata)) == []


async def test_the_newest_revision_is_the_one_that_start_up_compares(database_url: str) -> None:
    config = AlembicConfig()
    config.set_main_option("script_location", str(migration._scripts()))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]
    assert seen_in(database_url, revision_of) == HEAD
    assert not await migrate_database(database_url)


INVOICE = (
    "INSERT INTO invoices (payment_hash, node_id, add_index, payment_request, item_id, tip_to, amount_msat, shares, "
    "origin, state, created_at, expires_at, paid_msat, settled_at) VALUES ('h', 'lnd', 1, 'r', {}, {}, {}, '[]', "
    "'checkout', '{}', 1, 2, {}, {})"
)
TRANSFER = "INSERT INTO transfers VALUES ('{}', 'share', {}, '{}', '{}', {}, 1, NULL, NULL)"


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
async def test_the_database_itself_refuses_what_must_not_be(domain: Domain, statement: str) -> None:
    invoice = await domain.sell()
    domain.pay(invoice)
    await domain.sweeper.sweep()
    before = domain.dump()
    wrong = statement.replace("'h1'", f"'{invoice.payment_hash}'").replace("'i'", "'welcome'")
    with pytest.raises(IntegrityError):
        await domain.store.write(lambda tx: tx.creators._connection.execute(text(wrong)))  # type: ignore[attr-defined]  # what no code does
    assert domain.dump() == before


async def test_a_row_must_belong_to_something_that_is_there(domain: Domain) -> None:
    for row in (an_invoice(item_id="nothing"), an_invoice(item_id=None, tip_to="nobody")):
        with pytest.raises(IntegrityError):
            await domain.store.write(lambda tx, r=row: tx.invoices.insert(r))  # type: ignore[misc]  # bound in the loop
    assert await domain.store.write(lambda tx: tx.invoices.insert(an_invoice()))
    assert not await domain.store.write(lambda tx: tx.invoices.insert(an_invoice()))
    assert not await domain.store.write(lambda tx: tx.items.update(an_item("nothing")))
