"""Server-sent events of an invoice: first the present state, then each new one, until the state is final."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.config import load_config
from gateway.errors import Unavailable
from gateway.simulator.core import Simulator
from gateway.web.api import invoices
from gateway.web.serve import build_app
from tests.support.clock import FakeClock, unless_changed, until
from tests.support.rows import a_creator
from tests.support.site import Site, open_site, serve_app

TEXT = "# A text\n\nThe free part.\n\nThe paid part."

# Well before a stream looks by itself, so that what is told was told by a wake.
SOON_SECONDS = invoices.REREAD_SECONDS / 2


@pytest.fixture
async def shop(site: Site) -> Site:
    """A site that sells `welcome`."""
    await site.sell_text(TEXT)
    return site


class Listener:
    """A reader's open stream."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def next(self) -> tuple[str, dict[str, Any]]:
        """The next event: its name and its data. Raises EOFError at the end of the stream."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(SOON_SECONDS):
            while line := (await self.response.content.readline()).decode():
                name, _, value = line.rstrip("\r\n").partition(": ")
                if name:
                    fields[name] = value
                elif fields:
                    return fields["event"], json.loads(fields["data"])
        raise EOFError


@asynccontextmanager
async def listening(site: Site, payment_hash: str, *, url: str = "") -> AsyncIterator[Listener]:
    """A stream of an invoice's events."""
    async with site.session.get(f"{url or site.url}/v1/invoices/{payment_hash}/events") as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")
        yield Listener(response)


async def test_the_present_state_is_told_first(shop: Site) -> None:
    invoice, _ = await shop.buy("welcome")
    del invoice["access_token"]
    async with listening(shop, invoice["payment_hash"]) as listener:
        assert await listener.next() == ("open", invoice)


async def test_a_settlement_is_told_at_once_and_ends_the_stream(shop: Site) -> None:
    invoice, _ = await shop.buy("welcome")
    async with listening(shop, invoice["payment_hash"]) as listener:
        await listener.next()
        shop.pay(invoice["payment_hash"])
        name, told = await listener.next()
        assert (name, told["state"], told["paid_msat"]) == ("settled", "settled", 100_000)
        assert told == (await shop.call("GET", f"/v1/invoices/{invoice['payment_hash']}"))[1]
        with pytest.raises(EOFError):
            await listener.next()
    assert shop.gateway.hub.count == 0


async def test_a_new_price_ends_the_stream_of_the_outdated_invoice_at_once(shop: Site) -> None:
    invoice, headers = await shop.buy("welcome")
    async with listening(shop, invoice["payment_hash"]) as listener:
        await listener.next()
        await shop.call("PATCH", "/v1/admin/items/welcome", json={"price_msat": 200_000}, headers=shop.operator)
        assert (await shop.call("POST", "/v1/items/welcome/invoices", headers=headers))[0] == 201
        assert (await listener.next())[0] == "canceled"


async def test_every_stream_of_an_invoice_is_told_and_no_other(shop: Site) -> None:
    (first, _), (second, _) = await shop.buy("welcome"), await shop.buy("welcome")
    async with (
        listening(shop, first["payment_hash"]) as one,
        listening(shop, first["payment_hash"]) as other,
        listening(shop, second["payment_hash"]) as unrelated,
    ):
        for listener in (one, other, unrelated):
            await listener.next()
        shop.pay(first["payment_hash"])
        assert [(await listener.next())[0] for listener in (one, other)] == ["settled", "settled"]
        await unless_changed(lambda: shop.gateway.hub.count == 1)


async def test_a_stream_that_is_opened_after_the_payment_tells_it_at_once(shop: Site) -> None:
    invoice, _ = await shop.buy("welcome")
    await shop.settle(invoice["payment_hash"])
    for _ in range(2):
        async with listening(shop, invoice["payment_hash"]) as listener:
            assert (await listener.next())[0] == "settled"
            with pytest.raises(EOFError):
                await listener.next()


async def test_expiry_is_told_and_a_late_payment_after_it(shop: Site) -> None:
    shop.core.quirks.watch_expiry = False
    invoice, _ = await shop.buy("welcome")
    async with listening(shop, invoice["payment_hash"]) as listener:
        await listener.next()
        shop.clock.advance(600)
        shop.gateway.hub.wake(invoice["payment_hash"])
        assert (await listener.next())[0] == "expired"
        shop.pay(invoice["payment_hash"])
        assert (await listener.next())[0] == "settled"


async def test_expiry_is_told_without_being_woken(shop: Site) -> None:
    invoice, _ = await shop.buy("welcome")
    async with (
        serve_app(build_app(shop.gateway, reread_seconds=0.05)) as url,
        listening(shop, invoice["payment_hash"], url=url) as listener,
    ):
        await listener.next()
        shop.clock.advance(600)
        assert (await listener.next())[0] == "expired"


async def test_a_canceled_invoice_ends_its_stream(shop: Site) -> None:
    invoice, _ = await shop.buy("welcome")
    async with listening(shop, invoice["payment_hash"]) as listener:
        await listener.next()
        await shop.gateway.store.write(lambda tx: tx.invoices.cancel("lnd", [invoice["payment_hash"]], now=1))
        shop.gateway.hub.wake(invoice["payment_hash"])
        assert (await listener.next())[0] == "canceled"
        with pytest.raises(EOFError):
            await listener.next()


async def test_a_lost_wake_is_made_up_for_by_reading_again(shop: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shop.gateway.hub, "wake", lambda _: None)
    invoice, _ = await shop.buy("welcome")
    async with (
        serve_app(build_app(shop.gateway, reread_seconds=0.05)) as url,
        listening(shop, invoice["payment_hash"], url=url) as listener,
    ):
        await listener.next()
        shop.pay(invoice["payment_hash"])
        assert (await listener.next())[0] == "settled"


async def test_a_wake_without_news_tells_nothing(shop: Site) -> None:
    invoice, _ = await shop.buy("welcome")
    async with listening(shop, invoice["payment_hash"]) as listener:
        await listener.next()
        for _ in range(5):
            shop.gateway.hub.wake(invoice["payment_hash"])
        shop.pay(invoice["payment_hash"])
        assert (await listener.next())[0] == "settled"


async def test_waiters_are_limited_per_invoice_and_overall(tmp_path: Path, clock: FakeClock, core: Simulator) -> None:
    config = load_config(data_dir=tmp_path, waiters_per_invoice=2, waiters=3)
    async with open_site(config, clock, core) as site:
        for name in ("alice", "bob"):
            await site.gateway.catalog.add_creator(a_creator(name))
        await site.sell_text(TEXT)
        (one, _), (two, _) = await site.buy("welcome"), await site.buy("welcome")
        hashes = (one["payment_hash"], two["payment_hash"])
        async with listening(site, hashes[0]), listening(site, hashes[0]), listening(site, hashes[1]):
            for payment_hash in hashes:
                async with site.session.get(f"{site.url}/v1/invoices/{payment_hash}/events") as response:
                    problem = await response.json(content_type=None)
                    assert (response.status, problem["code"]) == (429, "too_many_waiters")
                    assert response.headers["Retry-After"] == "15"
            assert "tuppence_waiters 3.0" in (await site.call("GET", "/metrics"))[1]


async def test_a_reader_who_has_disconnected_does_not_count(shop: Site) -> None:
    invoice, _ = await shop.buy("welcome")
    for _ in range(3):
        async with listening(shop, invoice["payment_hash"]) as listener:
            await listener.next()
            assert shop.gateway.hub.count == 1
            listener.response.close()
        await until(lambda: shop.gateway.hub.count == 0)
    assert "tuppence_waiters 0.0" in (await shop.call("GET", "/metrics"))[1]


async def test_streams_end_when_the_process_stops(shop: Site) -> None:
    invoice, _ = await shop.buy("welcome")
    async with listening(shop, invoice["payment_hash"]) as listener:
        await listener.next()
        shop.gateway.hub.close()
        with pytest.raises(EOFError):
            await listener.next()


async def test_a_stream_outlives_a_database_that_is_away(shop: Site) -> None:
    class Flaky:
        """The store, away for its third read."""

        reads = 0

        async def read(self, work: Any) -> Any:
            self.reads += 1
            if self.reads == 3:
                raise Unavailable("database_away", "The disk is full.", retry_after_seconds=1)
            return await shop.gateway.store.read(work)

    invoice, _ = await shop.buy("welcome")
    flaky = replace(shop.gateway, store=Flaky())  # type: ignore[arg-type]  # a reading half
    async with serve_app(build_app(flaky)) as url, listening(shop, invoice["payment_hash"], url=url) as listener:
        assert (await listener.next())[0] == "open"
        await shop.settle(invoice["payment_hash"])
        assert (await listener.next())[0] == "settled"


async def test_a_stream_is_for_reading(shop: Site) -> None:
    invoice, _ = await shop.buy("welcome")
    async with shop.session.head(f"{shop.url}/v1/invoices/{invoice['payment_hash']}/events") as response:
        assert response.status == 405
    assert shop.gateway.hub.count == 0
    async with shop.session.get(f"{shop.url}/v1/invoices/{invoice['payment_hash']}/events") as response:
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert response.headers["X-Accel-Buffering"] == "no"
        assert "no-" in response.headers["Cache-Control"]
