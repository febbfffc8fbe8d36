"""Expired records are deleted, and no sooner; what was paid for still opens, and the books stay whole."""

import asyncio
from pathlib import Path
from secrets import token_bytes

import pytest
from sqlalchemy import Connection, func, select, text

from gateway.access.tokens import Credential, mint_token
from gateway.app.background import BackgroundTiming
from gateway.books.retention import (
    DAY_SECONDS,
    PAYMENT_REQUEST_SECONDS,
    ROWS_A_STEP,
    UNPAID_SECONDS,
    Purged,
    Purger,
)
from gateway.config import load_config
from gateway.errors import Unavailable
from gateway.ports.store import Tx
from gateway.rows import Invoice, InvoiceState
from gateway.simulator.core import Simulator
from gateway.store.engines.database import Database, open_database
from gateway.store.engines.database_url import sqlite_path
from gateway.store.engines.sqlite import SqliteStore, sqlite_engine
from gateway.store.tables.schema import tip_notes
from tests.support.clock import FakeClock, until
from tests.support.databases import in_a_thread, put_database, seen_in
from tests.support.domain import Domain
from tests.support.postgres_server import Cluster
from tests.support.rows import EXPIRY_SECONDS, NODE_ACCOUNT, a_creator, an_invoice
from tests.support.site import open_site

pytestmark = pytest.mark.both_databases

NOTE_DAYS = 90
NOTHING = Purged(unpaid=0, payment_requests=0, notes=0)
WORDS = "canary-words"


@pytest.fixture
def purger(domain: Domain) -> Purger:
    return a_purger(domain, domain.store)


def a_purger(domain: Domain, store: Database) -> Purger:
    return Purger(store, domain.clock, store.compact, note_seconds=NOTE_DAYS * DAY_SECONDS)


async def tip(domain: Domain, message: str = WORDS) -> Invoice:
    terms = domain.tip("alice", amount_msat=21_000, message=message, name="canary-name")
    return (await domain.create(terms)).invoice


async def settled(domain: Domain, invoice: Invoice) -> Invoice:
    domain.pay(invoice)
    await domain.sweeper.sweep()
    return await domain.row(invoice)


async def expire(domain: Domain) -> None:
    """Advance the clock past the expiry of every invoice, and sweep."""
    domain.clock.advance(EXPIRY_SECONDS + 1)
    await domain.sweeper.sweep()


async def count_of_notes(domain: Domain) -> int:
    return seen_in(
        domain.database_url, lambda c: int(c.execute(select(func.count()).select_from(tip_notes)).scalar_one())
    )


async def test_a_payment_request_is_kept_for_thirty_days_after_it_was_paid(domain: Domain, purger: Purger) -> None:
    invoice = await settled(domain, await domain.sell())
    domain.clock.advance(PAYMENT_REQUEST_SECONDS - 1)
    assert await purger.purge() == NOTHING
    assert (await domain.row(invoice)).payment_request == invoice.payment_request
    domain.clock.advance(1)
    assert await purger.purge() == Purged(unpaid=0, payment_requests=1, notes=0)
    assert (await domain.row(invoice)).payment_request == ""
    assert await purger.purge() == NOTHING


async def test_what_was_paid_opens_after_every_purge(domain: Domain, purger: Purger) -> None:
    invoice = await settled(domain, await domain.sell())
    domain.clock.advance(400 * DAY_SECONDS)
    await purger.purge()
    await purger.purge(at_once=True)
    credential = Credential(mint_token(domain.keys, invoice), None)
    access = await domain.authorizer.authorize([("line", credential)], "welcome")
    assert access.valid_until is None
    assert await domain.balances() == {"creator:alice": 70_000, "creator:bob": 30_000, NODE_ACCOUNT: -100_000}


async def test_an_unpaid_invoice_goes_a_day_after_lnds_final_word(domain: Domain, purger: Purger) -> None:
    invoice = await domain.sell()
    await expire(domain)
    assert await domain.states([invoice]) == ["canceled"]
    domain.clock.advance(UNPAID_SECONDS - 1)
    assert await purger.purge() == NOTHING
    domain.clock.advance(1)
    assert await purger.purge() == Purged(unpaid=1, payment_requests=0, notes=0)
    assert domain.dump()["invoices"] == []


async def test_what_an_earlier_release_canceled_goes_a_day_after_its_expiry(domain: Domain, purger: Purger) -> None:
    invoice = await domain.sell()
    await expire(domain)
    forget = text("UPDATE invoices SET canceled_at = NULL")
    await domain.store.write(lambda tx: tx.creators._connection.execute(forget))  # type: ignore[attr-defined]  # as it was
    domain.clock.now = invoice.expires_at + UNPAID_SECONDS - 1
    assert await purger.purge() == NOTHING
    domain.clock.advance(1)
    assert (await purger.purge()).unpaid == 1


async def test_what_lnd_still_holds_open_stays_however_old_it_is(domain: Domain, purger: Purger) -> None:
    domain.core.quirks.watch_expiry = False
    invoice = await domain.sell()
    domain.clock.advance(EXPIRY_SECONDS + 400 * DAY_SECONDS)
    await domain.sweeper.sweep()
    assert await purger.purge() == NOTHING
    assert await purger.purge(at_once=True) == NOTHING
    assert (await settled(domain, invoice)).state is InvoiceState.SETTLED


async def test_a_canceled_invoice_that_is_settled_after_all_is_no_unpaid_one(domain: Domain, purger: Purger) -> None:
    invoice = await domain.sell()
    await domain.store.write(lambda tx: tx.invoices.cancel("lnd", [invoice.payment_hash], now=int(domain.clock())))
    domain.pay(invoice)
    report = await domain.node.lookup(invoice.payment_hash)
    assert report is not None
    await domain.settler.settle([report])
    domain.clock.advance(2 * UNPAID_SECONDS)
    assert await purger.purge() == NOTHING
    assert await domain.states([invoice]) == ["settled"]


async def test_the_words_beside_a_tip_are_kept_for_ninety_days_and_go_at_once_with_an_unpaid_one(
    domain: Domain, purger: Purger
) -> None:
    await settled(domain, await tip(domain))
    await tip(domain)
    await expire(domain)
    domain.clock.advance(UNPAID_SECONDS)
    assert await purger.purge() == Purged(unpaid=1, payment_requests=0, notes=0)
    assert await count_of_notes(domain) == 1
    domain.clock.advance((NOTE_DAYS - 2) * DAY_SECONDS)
    assert (await purger.purge()).notes == 0
    domain.clock.advance(2 * DAY_SECONDS)
    assert (await purger.purge()).notes == 1
    assert await count_of_notes(domain) == 0


async def test_what_settles_while_a_purge_goes_on_is_left_alone(domain: Domain, purger: Purger) -> None:
    old = await settled(domain, await domain.sell())
    domain.clock.advance(PAYMENT_REQUEST_SECONDS)
    young = [await settled(domain, await domain.sell()) for _ in range(3)]
    assert (await purger.purge()).payment_requests == 1
    assert (await domain.row(old)).payment_request == ""
    assert all([(await domain.row(invoice)).payment_request for invoice in young])


async def test_more_than_a_step_takes_is_all_purged(domain: Domain, purger: Purger) -> None:
    count = 2 * ROWS_A_STEP + 7

    def fill(tx: Tx) -> None:
        for number in range(1, count + 1):
            tx.invoices.insert(an_invoice(number))
        hashes = [an_invoice(number).payment_hash for number in range(1, count + 1)]
        assert tx.invoices.cancel("lnd", hashes, now=int(domain.clock())) == count

    await domain.store.write(fill)
    domain.clock.advance(UNPAID_SECONDS)
    assert (await purger.purge()).unpaid == count


async def test_two_that_purge_one_database_at_once_purge_everything_once(domain: Domain) -> None:
    paid = [await settled(domain, await tip(domain)) for _ in range(12)]
    for _ in range(5):
        await domain.sell()
    await expire(domain)
    domain.clock.advance(NOTE_DAYS * DAY_SECONDS)
    other = await open_database(domain.database_url)
    results = await asyncio.gather(
        *(a_purger(domain, store).purge() for store in (domain.store, other) for _ in range(2))
    )
    await other.close()
    assert sum(purged.unpaid for purged in results) == 5
    assert sum(purged.payment_requests for purged in results) == 12
    assert sum(purged.notes for purged in results) == 12
    assert {(await domain.row(invoice)).payment_request for invoice in paid} == {""}


async def test_a_gateway_purges_by_itself(tmp_path: Path, clock: FakeClock, core: Simulator) -> None:
    timing = BackgroundTiming(purge_every_seconds=0.05)
    async with open_site(load_config(data_dir=tmp_path), clock, core, timing=timing) as site:
        await site.gateway.catalog.add_creator(a_creator("alice"))
        tip_of = {"amount_msat": 1_000, "message": WORDS}
        _, invoice = await site.call("POST", "/v1/creators/alice/tips", json=tip_of)
        await site.settle(invoice["payment_hash"])
        clock.advance(site.gateway.config.tip_note_days * DAY_SECONDS)
        await until(lambda: site.dump()["tip_notes"] == [])
        path = f"/v1/invoices/{invoice['payment_hash']}"
        status, shown = await site.call("GET", path)
        assert (status, shown["state"], shown["payment_request"]) == (200, "settled", "")
        status, problem = await site.call("GET", f"{path}/qr.svg")
        assert (status, problem["code"]) == (404, "payment_request_purged")
        assert (await site.call("GET", "/readyz"))[0] == 200


async def test_what_was_purged_is_in_no_file_of_the_database(tmp_path: Path, clock: FakeClock, core: Simulator) -> None:
    """Deleted text is neither in free pages nor in the WAL, without a rewrite of the file."""
    config = load_config(data_dir=tmp_path, open_invoices_per_client=100, invoices_per_client="1000/second")
    async with open_site(config, clock, core) as site:
        await site.gateway.catalog.add_creator(a_creator("alice"))
        path = sqlite_path(site.gateway.config.database_url)
        assert path is not None

        def kept() -> bytes:
            return b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))

        requests = []
        for number in range(40):
            note = {"amount_msat": 1_000, "message": f"{WORDS} {token_bytes(200).hex()}", "name": f"name {number}"}
            _, invoice = await site.call("POST", "/v1/creators/alice/tips", json=note)
            requests.append(invoice["payment_request"].encode())
            if number % 2:
                await site.settle(invoice["payment_hash"])
        assert WORDS.encode() in kept()
        clock.advance(EXPIRY_SECONDS + 100 * DAY_SECONDS)
        await until(lambda: "'open'" not in repr(site.dump()["invoices"]))
        clock.advance(UNPAID_SECONDS)
        assert (await site.gateway.purger.purge()).notes == 20
        assert WORDS.encode() not in kept()
        assert not any(request in kept() for request in requests)


async def test_a_reader_of_the_database_delays_a_rewrite_and_is_said(tmp_path: Path, clock: FakeClock) -> None:
    url, loop = put_database(tmp_path / "tuppence.db"), asyncio.get_running_loop()
    store = SqliteStore(sqlite_engine(tmp_path / "tuppence.db"), busy_timeout_ms=10)
    purger = Purger(store, clock, store.compact, note_seconds=NOTE_DAYS * DAY_SECONDS)

    await store.write(lambda tx: tx.creators.insert(a_creator("alice")))

    def purge_meanwhile(connection: Connection) -> None:
        connection.exec_driver_sql("SELECT * FROM items")
        asyncio.run_coroutine_threadsafe(purger.purge(at_once=True), loop).result(10)

    with pytest.raises(Unavailable) as refusal:
        await asyncio.to_thread(seen_in, url, purge_meanwhile)
    assert refusal.value.code == "database_busy"
    assert await purger.purge(at_once=True) == NOTHING
    await store.close()


@pytest.mark.postgres
async def test_what_was_purged_at_once_is_in_no_table_index_or_statistic_of_postgresql(
    tmp_path: Path, clock: FakeClock, core: Simulator, cluster: Cluster
) -> None:
    database = in_a_thread(cluster.new_database())
    words = f"canary-words-{database}"
    config = load_config(data_dir=tmp_path, database_url=cluster.url(database), open_invoices_per_client=100)
    async with open_site(config, clock, core) as site:
        await site.gateway.catalog.add_creator(a_creator("alice"))
        requests = []
        for _ in range(12):
            note = {"amount_msat": 1_000, "message": words, "name": words}
            _, invoice = await site.call("POST", "/v1/creators/alice/tips", json=note)
            requests.append(invoice["payment_request"].encode())
            await site.settle(invoice["payment_hash"])
        await cluster.execute("ANALYZE; CHECKPOINT", database)
        assert words.encode() in files_of(cluster)
        assert (await site.gateway.purger.purge(at_once=True)).notes == 12

        async def is_gone() -> bool:
            """A concurrent reader may keep deleted rows; they go at the next purge."""
            await site.gateway.purger.purge(at_once=True)
            await cluster.execute("CHECKPOINT", database)
            kept = files_of(cluster)
            return not any(word in kept for word in (words.encode(), *requests))

        await until(is_gone)
        samples = text("SELECT attname FROM pg_stats WHERE tablename IN ('tip_notes', 'invoices', 'payouts')")
        named = await asyncio.to_thread(seen_in, config.database_url, lambda c: {*c.execute(samples).scalars()})
        assert "payment_hash" in named
        assert not named & {"message", "name", "payment_request", "destination"}


def files_of(cluster: Cluster) -> bytes:
    """The files of every database, without the WAL."""
    return b"".join(path.read_bytes() for path in (cluster.folder / "data" / "base").rglob("*") if path.is_file())
