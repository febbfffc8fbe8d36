"""T9 on PostgreSQL: away, stopped, full, or at the far end of a bad network; nothing is lost, and nobody restarts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from secrets import token_urlsafe

import pytest
from sqlalchemy import text

from gateway.config import load_config
from gateway.simulator.core import Simulator
from tests.support.clock import LOOK_SECONDS, FakeClock, unless_changed, until
from tests.support.databases import broken_invariants, seen_in
from tests.support.postgres_server import SHARED, Cluster, open_cluster
from tests.support.rows import a_creator
from tests.support.site import QUICK_RETRIES, Site, open_site
from tests.support.tcp_proxy import TcpProxy, tcp_proxy
from tests.whole.outages.test_outages import INVOICES, TEXT, refusal

# Events are what a settlement alone writes; the others are what a sale or a replica needs.
FULL = {"settling": ("events",), "everything": ("invoices", "events", "leases", "counters")}
REFUSE = (
    "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$"
)

RATES = ("invoices_per_client", "invoices_per_item", "invoices_overall")

pytestmark = pytest.mark.postgres


class Shop:
    """A gateway on a database that fails, whose books are seen from where it does not."""

    def __init__(self, site: Site, books_url: str) -> None:
        self.site, self.books_url = site, books_url
        self.unpaid: list[str] = []

    async def stock(self, count: int) -> None:
        """So many invoices to pay."""
        for _ in range(count):
            self.unpaid.append((await self.site.buy("welcome"))[0]["payment_hash"])

    def pay(self, count: int = 1) -> None:
        """Pay some of them, as far as there are so many."""
        for _ in range(min(count, len(self.unpaid))):
            self.site.pay(self.unpaid.pop())

    async def pay_during(self, work: Awaitable[None]) -> None:
        """A payment every few milliseconds until something is done."""
        task = asyncio.ensure_future(work)
        while not task.done():
            self.pay()
            await asyncio.wait([task], timeout=LOOK_SECONDS)
        await task

    def credited(self) -> list[str]:
        """The payment hashes that have an event, each as often as it has one."""
        told = text("SELECT payment_hash FROM events ORDER BY payment_hash")
        return seen_in(self.books_url, lambda books: list(books.execute(told).scalars()))

    def paid(self) -> list[str]:
        """Those that the node has settled."""
        return sorted(row.payment_hash.hex() for row in self.site.core.invoices if row.settle_index)


@asynccontextmanager
async def open_shop(url: str, books_url: str, folder: Path, clock: FakeClock, core: Simulator) -> AsyncIterator[Shop]:
    """A shop; in the end it sells again, and each payment is credited, once."""
    config = load_config(
        data_dir=folder, database_url=url, open_invoices_per_client=1_000, **dict.fromkeys(RATES, "1000/second")
    )
    async with open_site(config, clock, core, timing=QUICK_RETRIES) as site:
        for name in ("alice", "bob"):
            await site.gateway.catalog.add_creator(a_creator(name))
        await site.sell_text(TEXT)
        await until(lambda: bool(core._subscriptions))
        shop = Shop(site, books_url)
        yield shop
        await until(lambda: shop.credited() == shop.paid())
        assert (await site.call("POST", INVOICES))[0] == 201
    assert broken_invariants(books_url) == []


@pytest.fixture
async def far(
    cluster: Cluster, tmp_path: Path, clock: FakeClock, core: Simulator
) -> AsyncIterator[tuple[Shop, TcpProxy]]:
    """A shop with something between it and its database that can fail."""
    async with tcp_proxy(f"127.0.0.1:{cluster.port}") as proxy:
        url = cluster.tcp_url(await cluster.emptied(), int(proxy.target.rpartition(":")[2]))
        async with open_shop(url, cluster.url(SHARED), tmp_path, clock, core) as shop:
            yield shop, proxy


async def test_a_server_that_cannot_be_reached_loses_no_settlement(far: tuple[Shop, TcpProxy]) -> None:
    shop, proxy = far
    await shop.stock(3)
    proxy.refuse()
    shop.pay(3)
    await until(lambda: interrupted(shop.site, "lease lnd"))
    assert (await refusal(shop.site))[:2] == (503, "database_away")
    await unless_changed(lambda: shop.credited() == [])
    proxy.pass_on()


async def test_a_server_that_is_stopped_and_started_under_payments_loses_none(
    tmp_path: Path, clock: FakeClock, core: Simulator
) -> None:
    """As by a crash: without a word to anybody, and recovering from its log."""
    with open_cluster({}) as own:
        await own.prepare()
        url = own.url(SHARED)
        async with open_shop(url, url, tmp_path, clock, core) as shop:
            await shop.stock(120)
            shop.pay(20)
            await shop.pay_during(asyncio.to_thread(own.control, "-m", "immediate", "stop"))
            shop.pay(20)
            assert (await refusal(shop.site))[:2] == (503, "database_away")
            await shop.pay_during(asyncio.to_thread(own.control, "start"))
            shop.pay(20)


@pytest.mark.parametrize("tables", FULL.values(), ids=FULL.keys())
async def test_a_full_disk_loses_nothing_and_needs_no_restart(
    cluster: Cluster, tables: tuple[str, ...], tmp_path: Path, clock: FakeClock, core: Simulator
) -> None:
    """PostgreSQL's own word for it, said by triggers: a real one would take this machine's disk."""
    database = await cluster.new_database()
    url = cluster.url(database)
    async with open_shop(url, url, tmp_path, clock, core) as shop:
        await shop.stock(20)
        shop.pay(5)
        await until(lambda: shop.credited() == shop.paid())
        await cluster.execute(REFUSE, database)
        for table in tables:
            await cluster.execute(
                f"CREATE TRIGGER disk BEFORE INSERT OR UPDATE ON {table} EXECUTE FUNCTION refuse()", database
            )
        shop.pay(10)
        await until(lambda: interrupted(shop.site, "lease lnd") or interrupted(shop.site, "follow lnd"))
        if "invoices" in tables:
            assert (await refusal(shop.site))[:2] == (503, "database_away")
        await unless_changed(lambda: len(shop.credited()) == 5)
        await cluster.execute("DROP FUNCTION refuse CASCADE", database)
        shop.pay(5)


async def test_a_network_that_delays_slices_and_resets_sells_and_credits_once(far: tuple[Shop, TcpProxy]) -> None:
    """Who is told nothing, or that it is unknown whether something was done, asks again with the same key."""
    shop, proxy = far
    proxy.delay_seconds = 0.002
    await shop.stock(3)
    proxy.delay_seconds, proxy.chunk_bytes = 0.0, 1
    await shop.stock(3)
    shop.pay(6)
    proxy.chunk_bytes = 16
    rng, keys = Random(1), [token_urlsafe(24) for _ in range(24)]
    bought: list[str] = []
    refused: set[str] = set()

    async def buy(some: Sequence[str]) -> None:
        for key in some:
            while (answer := await shop.site.call("POST", INVOICES, headers={"Idempotency-Key": key}))[0] == 503:
                refused.add(answer[1]["code"])
            bought.append(answer[1]["payment_hash"])
            shop.site.pay(bought[-1])

    buying = asyncio.gather(*(buy(keys[start::4]) for start in range(4)))
    while not buying.done():
        before = len(bought)
        await until(lambda: buying.done() or (len(bought) > before and rng.random() < 0.2))  # noqa: B023  # awaited here
        proxy.reset()
    await buying
    assert refused <= {"database_away", "commit_unanswered"}
    rows = await shop.site.gateway.store.read(lambda tx: tx.invoices.get_many(bought))
    assert len({row.idempotency_hash for row in rows}) == len(set(bought)) == len(keys)


def interrupted(site: Site, work: str) -> bool:
    return "database" in site.gateway.supervisor.progress[work].last_error
