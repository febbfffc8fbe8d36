"""Many gateways on one database: any makes an invoice, any tells the waiter, one settles, and the next takes over."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.config import load_config
from gateway.events.feed import Feed
from gateway.simulator.core import Simulator
from gateway.simulator.server import SimulatedLnd, serve_simulator
from gateway.store.engines.database import open_database
from gateway.store.engines.notifications import PostgresNotifications
from gateway.supervise import Progress
from tests.support.announced import Announced
from tests.support.clock import FakeClock, unless_changed, until
from tests.support.databases import broken_invariants, in_a_thread
from tests.support.domain import open_domain
from tests.support.postgres_server import Cluster
from tests.support.processes.demo_process import free_port, ready, start, stop
from tests.support.rows import a_creator, a_report
from tests.support.site import Site, open_site

TEXT = "# A little\n\nThe free part.\n\n<!-- more -->\n\nThe paid part."
TAKEOVER_SECONDS = 10.0

pytestmark = pytest.mark.postgres


@pytest.fixture
def shared_url(cluster: Cluster) -> str:
    """One database for several replicas."""
    return cluster.url(in_a_thread(cluster.emptied()))


# In one process ------------------------------------------------------------------------------------------------------


@pytest.fixture
async def sites(shared_url: str, tmp_path: Path, clock: FakeClock, core: Simulator) -> AsyncIterator[list[Site]]:
    """Three replicas at one simulated node."""
    async with AsyncExitStack() as stack:
        opened = []
        for name in "abc":
            config = load_config(
                data_dir=tmp_path / name, shared_dir=tmp_path / "shared", database_url=shared_url, listen="127.0.0.1:80"
            )
            opened.append(await stack.enter_async_context(open_site(config, clock, core)))
        for name in ("alice", "bob"):
            await opened[0].gateway.catalog.add_creator(a_creator(name))
        await opened[0].sell_text(TEXT)
        yield opened
    assert broken_invariants(shared_url) == []


async def test_replicas_share_keys_and_the_operator(sites: list[Site]) -> None:
    assert len({site.gateway.operator_key for site in sites}) == 1
    assert len({str(site.gateway.keys.fingerprints()) for site in sites}) == 1


async def test_what_one_replica_sells_any_other_tells_and_opens(sites: list[Site]) -> None:
    seller, watcher, opener = sites
    await until(lambda: all(len(site.gateway.catalog.items()) == 1 for site in sites))
    invoice, token = await seller.buy("welcome")
    async with watcher.session.get(f"{watcher.url}/v1/invoices/{invoice['payment_hash']}/events") as stream:
        assert (await stream.content.readline()).decode().strip() == "event: open"
        await until(lambda: watcher.gateway.hub.count == 1)
        seller.pay(invoice["payment_hash"])
        async with asyncio.timeout(5):
            while b"event: settled" not in await stream.content.readline():
                pass
    status, content = await opener.call("GET", "/v1/items/welcome/content", headers=token)
    assert (status, "paid part" in content) == (200, True)


async def test_t19_one_key_at_several_replicas_at_once_is_one_invoice_for_all(sites: list[Site]) -> None:
    """Each may have asked the node before any had a row: what the losers were given there is shown to nobody."""
    await until(lambda: all(len(site.gateway.catalog.items()) == 1 for site in sites))
    asked = [site for site in sites for _ in range(6)]

    async def buy(site: Site) -> str:
        status, invoice = await site.call("POST", "/v1/items/welcome/invoices", headers={"Idempotency-Key": "k" * 22})
        assert status == 201
        return str(invoice["payment_hash"])

    told = {*await asyncio.gather(*map(buy, asked))}
    assert told == {row[0] for row in sites[0].dump()["invoices"]}
    assert len(told) == 1
    issued = [row.payment_hash.hex() for row in sites[0].core.invoices]
    assert len(issued) <= len(asked)
    assert {*await asyncio.gather(*map(buy, sites))} == told
    assert len(list(sites[0].core.invoices)) == len(issued), "who comes later asks the node for nothing"
    for lost in {*issued} - told:
        assert [(await site.call("GET", f"/v1/invoices/{lost}"))[0] for site in sites] == [404] * len(sites)


async def test_one_replica_follows_the_node(sites: list[Site]) -> None:
    core = sites[0].core
    await until(lambda: len(core._subscriptions) == 1)
    await unless_changed(lambda: len(core._subscriptions) == 1)
    assert [lease[0] for lease in sites[0].dump()["leases"]] == ["lnd", "payouts"]


async def test_a_replica_without_a_key_or_a_content_is_not_ready(sites: list[Site]) -> None:
    site = sites[2]
    await until(lambda: len(site.gateway.catalog.items()) == 1)
    assert (await site.call("GET", "/readyz"))[0] == 200
    await until(lambda: len(sites[1].gateway.catalog.items()) == 1)
    digest = site.gateway.catalog.item("welcome").digest
    await sites[0].gateway.store.write(lambda tx: tx.identities.pin("key", "7", "f" * 64))
    kept = site.gateway.content.path(digest)
    kept.rename(kept.with_suffix(".gone"))
    status, said = await sites[1].call("GET", "/readyz")
    assert status == 503
    assert any("keys/7.key is lost" in sentence for sentence in said["wrong"])
    assert any("content of welcome" in sentence for sentence in said["wrong"])
    kept.with_suffix(".gone").rename(kept)


async def test_two_settlers_that_are_told_the_same_credit_once(
    shared_url: str, tmp_path: Path, clock: FakeClock, core: Simulator
) -> None:
    async with (
        open_domain(tmp_path / "a", clock, core, database_url=shared_url) as one,
        open_domain(tmp_path / "b", clock, core, database_url=shared_url) as two,
    ):
        invoices = await one.sell_many(60)
        reports = [a_report(invoice) for invoice in invoices]
        batches = [
            domain.settler.settle(told) for domain, told in ((one, reports), (two, reports[::-1])) for _ in range(3)
        ]
        booked = [invoice.payment_hash for batch in await asyncio.gather(*batches) for invoice in batch]
        assert sorted(booked) == sorted(invoice.payment_hash for invoice in invoices)
        assert (await one.balances())["creator:alice"] == 60 * 70_000
        events = await one.store.read(lambda tx: tx.events.after(0, limit=100))
        assert [event.position for event in events] == [*range(1, 61)]


async def test_a_lost_notification_is_made_up_by_the_next_read(
    shared_url: str, tmp_path: Path, clock: FakeClock, core: Simulator
) -> None:
    announced = Announced()
    async with open_domain(tmp_path / "a", clock, core, database_url=shared_url) as domain:
        feed = Feed(domain.store, PostgresNotifications(shared_url), announced)
        await feed.start()
        invoices = await domain.sell_many(3)
        await domain.settler.settle([a_report(invoice) for invoice in invoices])
        listening = asyncio.create_task(feed.run(Progress()))
        await until(lambda: len(announced.elsewhere_hashes) == 3)
        listening.cancel()
    assert announced.elsewhere_hashes == [invoice.payment_hash for invoice in invoices]


async def test_many_notifications_are_one(shared_url: str) -> None:
    notifications = [PostgresNotifications(shared_url) for _ in range(2)]
    serving = [asyncio.create_task(each.serve(Progress())) for each in notifications]
    received = 0
    # The first is of the start.
    await asyncio.gather(*(each.wait(10) for each in notifications))
    for _ in range(1_000):
        notifications[0].send()
    await notifications[1].wait(10)
    for _ in range(3):
        with suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                await notifications[1].wait(10)
            received += 1
    assert received <= 1
    for task in serving:
        task.cancel()
    await asyncio.wait(serving)


# In processes of their own -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Replica:
    """A `tuppence serve` of its own."""

    process: asyncio.subprocess.Process
    url: str


class Replicas:
    """Two processes on one database, at a simulated node."""

    def __init__(self, lnd: SimulatedLnd, folder: Path, database_url: str, session: aiohttp.ClientSession) -> None:
        self.lnd, self.folder, self.database_url, self.session = lnd, folder, database_url, session
        self.running: list[Replica] = []

    async def serve(self, name: str) -> Replica:
        (self.folder / name).mkdir()
        variables = {
            "TUPPENCE_LND_TARGET": self.lnd.target,
            "TUPPENCE_LND_TLS_CERT": str(self.lnd.tls_cert_path),
            "TUPPENCE_LND_MACAROON": str(self.lnd.macaroon_path),
            "TUPPENCE_SHARED_DIR": str(self.folder / "shared"),
            "TUPPENCE_DATABASE_URL": self.database_url,
        }
        listen = f"127.0.0.1:{free_port()}"
        process = await start(self.folder / name, "serve", listen=listen, variables=variables)
        self.running.append(Replica(process, await ready(process, 60)))
        return self.running[-1]

    async def put_on_sale(self, replica: Replica) -> None:
        key = (self.folder / "shared" / "operator.key").read_text().strip()
        for path, body in (
            ("creators", {"name": "alice"}),
            ("items", {"id": "welcome", "creator": "alice", "price_msat": 100_000, "markdown": TEXT}),
        ):
            headers = {"Authorization": f"Bearer {key}"}
            async with self.session.post(f"{replica.url}/v1/admin/{path}", json=body, headers=headers) as answer:
                assert answer.status == 201, await answer.text()

    async def buy(self, replica: Replica) -> str:
        async with self.session.post(f"{replica.url}/v1/items/welcome/invoices") as answer:
            assert answer.status == 201, await answer.text()
            return str((await answer.json())["payment_hash"])

    def pay(self, payment_hash: str) -> None:
        self.lnd.core.pay(bytes.fromhex(payment_hash))


@pytest.fixture
async def replicas(shared_url: str, tmp_path: Path) -> AsyncIterator[Replicas]:
    async with (
        serve_simulator(tmp_path / "lnd", clock=time.time) as lnd,
        aiohttp.ClientSession() as session,
    ):
        opened = Replicas(lnd, tmp_path, shared_url, session)
        yield opened
        for replica in opened.running:
            if replica.process.returncode is None:
                replica.process.send_signal(signal.SIGCONT)
            await stop(replica.process)
    assert broken_invariants(shared_url) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_when_the_settler_is_gone_another_takes_over_and_its_return_is_harmless(
    replicas: Replicas, number: signal.Signals
) -> None:
    holder = await replicas.serve("first")
    await replicas.put_on_sale(holder)
    other = await replicas.serve("second")
    store = await open_database(replicas.database_url)

    async def settled() -> int:
        return await store.read(lambda tx: tx.events.last_position())

    replicas.pay(await replicas.buy(other))
    await until(lambda: _is(settled, 1))

    holder.process.send_signal(number)
    # Asked of nobody: a look at the invoice would have it looked up at the node.
    replicas.pay(await replicas.buy(other))
    await until(lambda: _is(settled, 2), patience_seconds=TAKEOVER_SECONDS)
    if number is signal.SIGSTOP:
        holder.process.send_signal(signal.SIGCONT)
        for replica in (holder, other, holder):
            replicas.pay(await replicas.buy(replica))
        await until(lambda: _is(settled, 5))
    await store.close()


async def _is(look: Callable[[], Any], expected: int) -> bool:
    return bool(await look() == expected)
