"""Amounts in the reader's currency, from the operator's source: for display only, and never stale."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from gateway.config import Config, load_config
from gateway.demo.sample_rates import SAMPLE_RATES
from gateway.errors import Invalid
from gateway.rates.fixed import FixedRates
from gateway.rates.history import RateHistory
from gateway.rates.rate import Rate
from gateway.rates.source import STALE_SECONDS, ExchangeRates
from gateway.rows import rfc3339
from gateway.store.engines.database import Database
from gateway.web.http.language import LANGUAGES, words_in
from tests.support.clock import FakeClock, turns, unless_changed, until
from tests.support.databases import put_database
from tests.support.rows import START
from tests.support.site import Site, serve_app

PRICES = {"time": int(START), "EUR": 90_000, "USD": 98_000.5, "KRW": 140_000_000, "JPY": -1}
TEXT = "# A text\n\nFree.\n\nPaid."


@dataclass(slots=True)
class Source:
    """Answers as mempool's /api/v1/prices does."""

    prices: Any
    url: str = ""
    asked: int = 0

    async def answer(self, _: web.Request) -> web.Response:
        self.asked += 1
        if isinstance(self.prices, bytes):
            return web.Response(body=self.prices, content_type="application/json")
        return web.json_response(self.prices)


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """A rate is in no database."""
    return put_database(tmp_path / "tuppence.db")


@pytest.fixture
def prices() -> Any:
    """What the source says from the start."""
    return dict(PRICES)


@pytest.fixture
async def source(prices: Any) -> AsyncIterator[Source]:
    source = Source(prices=prices)
    app = web.Application()
    app.router.add_get("/api/v1/prices", source.answer)
    async with serve_app(app) as url:
        source.url = f"{url}/api/v1/prices"
        yield source


@pytest.fixture
def config(config: Config, source: Source) -> Config:
    return config.model_copy(update={"rates_url": source.url})


async def rate(site: Site, languages: str) -> Any:
    status, body = await site.call("GET", "/v1/rate", headers={"Accept-Language": languages})
    assert status == 200
    return body


@pytest.mark.parametrize(
    ("languages", "currency"),
    [
        ("de-AT,en;q=0.5", "EUR"),
        ("en", "USD"),
        ("en-US", "USD"),
        ("ko", "KRW"),
        ("fr-CA;q=0.1, de;q=0.8", "EUR"),
        ("*, xx, de-DE;q=0.1", "EUR"),
    ],
)
async def test_a_reader_gets_the_currency_of_their_language(site: Site, languages: str, currency: str) -> None:
    await until(lambda: rate(site, "en"))
    assert await rate(site, languages) == {
        "currency": currency,
        "per_bitcoin": PRICES[currency],
        "at": rfc3339(START),
        "fallback": False,
        "fixed": False,
    }


@pytest.mark.parametrize(
    ("languages", "currency"),
    [
        ("", "USD"),
        ("*", "USD"),
        ("ja", "USD"),
        ("es-419", "USD"),
        ("sv-SE, en-US", "USD"),
        ("sv-SE, fr;q=0.8", "EUR"),
        ("not a language", "USD"),
        ("-", "USD"),
        ("e" * 5000, "USD"),
    ],
)
async def test_who_cannot_have_their_own_currency_gets_another_marked_as_such(
    site: Site, languages: str, currency: str
) -> None:
    await until(lambda: rate(site, "en"))
    answered = await rate(site, languages)
    assert (answered["currency"], answered["fallback"]) == (currency, True)


@pytest.mark.parametrize("prices", [{"EUR": 90_000}])
async def test_without_a_rate_nothing_is_shown(site: Site) -> None:
    await until(lambda: rate(site, "de"))
    assert await rate(site, "ja") is None


@pytest.mark.parametrize("prices", [{"EUR": 10**9}])
async def test_a11_a_rate_does_not_set_a_price(site: Site) -> None:
    await site.sell_text(TEXT)
    await until(lambda: rate(site, "de"))
    assert (await site.buy("welcome"))[0]["amount_msat"] == 100_000


async def test_a11_an_old_rate_is_not_shown(site: Site, clock: FakeClock) -> None:
    await until(lambda: rate(site, "en"))
    clock.advance(STALE_SECONDS + 1)
    assert await rate(site, "en") is None


@pytest.mark.parametrize(
    "prices", ["nonsense", {"EUR": "much"}, [], b"{", b'{"EUR":' + b"[" * 5000, {"eur": 1, "EURO": 1, "EUR": 0}]
)
async def test_a_malformed_response_of_the_source_prevents_no_sale(source: Source, site: Site, prices: Any) -> None:
    assert source.prices is prices
    await site.sell_text(TEXT)
    await until(lambda: source.asked > 0)
    status, _ = await site.call("POST", "/v1/items/welcome/invoices")
    assert status == 201
    assert (await site.call("GET", "/readyz"))[0] == 200
    await unless_changed(lambda: site.gateway.supervisor.progress["rates"].last_error == "")


async def test_the_page_of_an_item_shows_the_amount_beside_sat(site: Site) -> None:
    await site.sell_text(TEXT)
    await until(lambda: rate(site, "en"))
    assert "≈ 0,09\xa0€" in await page(site, "de-AT")
    assert "≈ USD\xa00.10" in await page(site, "ja")


async def page(site: Site, languages: str) -> str:
    headers = {"Accept": "text/html", "Accept-Language": languages}
    async with site.session.get(f"{site.url}/i/welcome", headers=headers) as response:
        return await response.text()


async def test_without_a_source_no_request_is_sent(source: Source, clock: FakeClock, store: Database) -> None:
    history = RateHistory(store)
    assert ExchangeRates("", clock, history).of(["en"]) is None
    assert source.asked == 0


@pytest.mark.parametrize(
    ("amount_msat", "words"),
    [
        (100_000, "≈ €0.09"),
        (1_000, "≈ €0.0009"),
        (1_500, "≈ €0.001"),
        (10_000_000, "≈ €9.00"),
        (11_112, "≈ €0.01"),
        (11_105, "≈ €0.01"),
    ],
)
def test_an_amount_below_a_cent_has_one_digit(amount_msat: int, words: str) -> None:
    assert words_in("en").fiat(amount_msat, a_rate("EUR", 90_000)) == words


@pytest.mark.parametrize(("amount_msat", "words"), [(250_000, "≈ €0.23"), (150_000, "≈ €0.14"), (350_000, "≈ €0.32")])
def test_half_a_cent_is_rounded_as_the_sheet_rounds_it(amount_msat: int, words: str) -> None:
    assert words_in("en").fiat(amount_msat, a_rate("EUR", 90_000)) == words


@pytest.mark.parametrize(
    ("tag", "words"),
    [("en", "≈ USD\xa00.10"), ("de", "≈ 0,10\xa0USD"), ("ko", "≈ USD\xa00.10"), ("pt-BR", "≈ USD\xa00,10")],
)
def test_a_currency_that_is_not_the_readers_own_is_named_by_its_code(tag: str, words: str) -> None:
    assert words_in(tag).fiat(100_000, a_rate("USD", 100_000, fallback=True)) == words


@pytest.mark.parametrize("tag", LANGUAGES)
def test_the_sample_rates_have_a_currency_of_every_language_of_the_pages(tag: str, clock: FakeClock) -> None:
    rate = FixedRates(SAMPLE_RATES, clock).of([tag])
    assert rate is not None
    assert (rate.fixed, rate.fallback) == (True, False)


def a_rate(currency: str, per_bitcoin: float, *, fallback: bool = False) -> Rate:
    return Rate(currency=currency, per_bitcoin=per_bitcoin, at="", fallback=fallback)


def test_the_source_is_an_http_url() -> None:
    with pytest.raises(Invalid, match="TUPPENCE_RATES_URL"):
        load_config(rates_url="file:///etc/passwd")


async def test_a_chunked_response_is_read_to_its_end_and_a_bad_member_is_skipped(store: Database) -> None:
    async def in_pieces(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for piece in (b'{"time": "now", "USD": null, "GBP": true, ', b'"CHF": [1], "JPY": "1", "EUR"', b": 90000}"):
            await response.write(piece)
            await turns()
        return response

    app = web.Application()
    app.router.add_get("/prices", in_pieces)
    async with serve_app(app) as url, aiohttp.ClientSession() as session:
        assert await ExchangeRates(f"{url}/prices", FakeClock(START), RateHistory(store))._ask(session) == {
            "EUR": 90_000
        }
