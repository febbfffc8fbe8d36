"""T18 and T21: invoices asked for by hundreds a second, and readers who hold streams: limits hold, the honest pass."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from gateway.config import load_config
from gateway.money import Msat
from gateway.ports.node import IssuedInvoice
from gateway.simulator.core import Simulator
from gateway.web.serve import build_app, serve
from tests.support.clock import FakeClock, turns, until
from tests.support.rows import NODE_ID, START, a_creator
from tests.support.site import Site, open_site, serve_app
from tests.web.api.test_events import listening

pytestmark = pytest.mark.both_databases

TEXT = "# A text\n\nThe free part.\n\nThe paid part."
INVOICES = "/v1/items/welcome/invoices"
PER_SECOND, OPEN, ASKED, ATTACKERS, HONEST = 100, 300, 400, 40, 20
SLOW_TURNS = 50


@pytest.fixture
async def shop(tmp_path: Path, database_url: str, core: Simulator) -> AsyncIterator[Site]:
    """Behind a proxy, at a node that answers later than it is asked; the budget is 100 a second, 300 open."""
    config = load_config(
        data_dir=tmp_path,
        database_url=database_url,
        trusted_proxies="127.0.0.1",
        invoices_overall=f"{PER_SECOND}/second",
        open_invoices=OPEN,
    )
    async with open_site(config, FakeClock(START), core) as site:
        for name in ("alice", "bob"):
            await site.gateway.catalog.add_creator(a_creator(name))
        await site.sell_text(TEXT)
        add_invoice = site.gateway.nodes[NODE_ID].node.add_invoice

        async def slowly(preimage: bytes, *, amount_msat: Msat, memo: str, expiry_seconds: int) -> IssuedInvoice:
            await turns(SLOW_TURNS)
            return await add_invoice(preimage, amount_msat=amount_msat, memo=memo, expiry_seconds=expiry_seconds)

        site.gateway.nodes[NODE_ID].node.add_invoice = slowly  # type: ignore[method-assign]  # slowed on its way
        yield site


async def ask(site: Site, address: str) -> tuple[int, int]:
    """Status and Retry-After of a request from an address."""
    async with site.session.post(f"{site.url}{INVOICES}", headers={"X-Forwarded-For": address}) as response:
        return response.status, int(response.headers.get("Retry-After", 0))


async def test_t18_a_flood_costs_the_node_no_more_than_its_budget_and_is_told_when_to_come_back(shop: Site) -> None:
    answers = await asyncio.gather(*(ask(shop, f"203.0.{number % ATTACKERS}.7") for number in range(ASKED)))
    statuses = Counter(status for status, _ in answers)
    issued = len(list(shop.core.invoices))
    assert statuses == {201: issued, 429: ASKED - issued}
    assert issued <= PER_SECOND, "the clock stood still: this was one second"
    assert all(retry_after >= 1 for status, retry_after in answers if status == 429)


async def test_t18_honest_readers_pass_while_two_networks_flood(shop: Site) -> None:
    flood = [asyncio.create_task(ask(shop, f"203.0.{number % 2}.{number}")) for number in range(200)]
    honest = await asyncio.gather(*(ask(shop, f"198.51.{number}.7") for number in range(HONEST)))
    assert [status for status, _ in honest] == [201] * HONEST
    statuses = Counter(status for status, _ in await asyncio.gather(*flood))
    assert statuses[201] == 2 * shop.gateway.config.open_invoices_per_client


async def test_t18_a_second_after_a_flood_honest_readers_are_served_at_once(shop: Site) -> None:
    for second in range(3):
        await asyncio.gather(*(ask(shop, "203.0.113.7") for _ in range(100)))
        shop.clock.advance(1)
        served = [await ask(shop, f"198.51.{second}{number}.7") for number in range(HONEST // 2)]
        assert [status for status, _ in served] == [201] * (HONEST // 2)


async def test_t18_a_flood_over_minutes_never_holds_more_than_the_open_invoices_allowed(shop: Site) -> None:
    for second in range(120):
        await asyncio.gather(*(ask(shop, f"203.0.{(10 * second + number) % 30}.7") for number in range(10)))
        shop.clock.advance(1)
    still_open = [row for row in shop.core.invoices if row.state.value == "open"]
    assert len(still_open) == OPEN
    shop.clock.advance(shop.gateway.config.invoice_expiry_seconds)
    assert (await ask(shop, "198.51.100.7"))[0] == 201


async def test_t18_a_flood_leaves_no_address_anywhere(shop: Site) -> None:
    await asyncio.gather(*(ask(shop, f"203.0.113.{number}") for number in range(50)))
    kept = b"".join(path.read_bytes() for path in shop.gateway.config.data_dir.rglob("*") if path.is_file())
    assert b"203.0.113" not in kept + repr(shop.dump()).encode()


async def test_t21_a_reader_who_reads_nothing_holds_a_place_no_longer_than_the_invoice(shop: Site) -> None:
    """Its stream is a few hundred bytes in all: they fit into the socket, and the handler never waits for them."""
    slow, _ = await shop.buy("welcome")
    config = shop.gateway.config.model_copy(update={"listen": "127.0.0.1:0"})
    async with serve(build_app(shop.gateway, reread_seconds=0.05), config) as url:
        host, _, port = url.removeprefix("http://").rpartition(":")
        sockets = []
        for _ in range(4):
            reader = socket.socket()
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            reader.connect((host, int(port)))
            reader.sendall(f"GET /v1/invoices/{slow['payment_hash']}/events HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            sockets.append(reader)
        await until(lambda: shop.gateway.hub.count == 4)
        await shop.settle(slow["payment_hash"])
        await until(lambda: shop.gateway.hub.count == 0)
        for reader in sockets:
            reader.close()


async def test_t21_everyone_is_told_though_wakes_are_lost_doubled_and_out_of_order(
    shop: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    wake, count = shop.gateway.hub.wake, 0

    def unreliable(payment_hash: str) -> None:
        nonlocal count
        count += 1
        for _ in range((0, 1, 2, 0)[count % 4]):
            wake(payment_hash)

    monkeypatch.setattr(shop.gateway.hub, "wake", unreliable)
    bought = [(await shop.buy("welcome"))[0]["payment_hash"] for _ in range(8)]

    async def told(payment_hash: str) -> None:
        async with listening(shop, payment_hash, url=url) as listener:
            while (await listener.next())[0] != "settled":
                pass

    async with serve_app(build_app(shop.gateway, reread_seconds=0.2)) as url:
        waiting = [asyncio.create_task(told(key)) for key in bought for _ in range(3)]
        await until(lambda: shop.gateway.hub.count == len(waiting))
        for key in reversed(bought):
            shop.pay(key)
        assert len(await asyncio.gather(*waiting)) == 24


async def test_t21_a_reader_who_comes_back_is_answered_by_the_node_itself(shop: Site) -> None:
    """No stream, no wake and no sweep: the look asks."""
    invoice, _ = await shop.buy("welcome")
    shop.core.quirks.drop_events = True
    shop.pay(invoice["payment_hash"])
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{shop.url}/v1/invoices/{invoice['payment_hash']}") as response,
    ):
        assert (await response.json())["state"] == "settled"
