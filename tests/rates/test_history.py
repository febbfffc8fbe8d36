"""Past rates: one row an hour on either database, and a receipt that never changes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import Config
from gateway.errors import OutcomeUnknown, Unavailable
from gateway.rates.history import NEAR_SECONDS, RateHistory, rates_of
from gateway.rows import PastRates, hour_of
from gateway.store.engines.database import Database
from tests.support.clock import FakeClock, until
from tests.support.databases import change
from tests.support.rows import START
from tests.support.site import Site, serve_app

HOUR = 3_600
PRICES = {"EUR": 90_000.0, "USD": 98_000.5, "KRW": 140_000_000.0}
INSTANTS = st.integers(START - NEAR_SECONDS, START + NEAR_SECONDS)


@pytest.mark.both_databases
async def test_an_hour_keeps_its_first_rates_whichever_replica_writes_them(store: Database) -> None:
    replicas = [RateHistory(store) for _ in range(3)]
    prices = [{"EUR": float(price)} for price in (1, 2, 3)]
    await asyncio.gather(
        *(replica.keep(price, at=START + n) for n, (replica, price) in enumerate(zip(replicas, prices, strict=True)))
    )
    await replicas[0].keep(PRICES, at=START + HOUR)
    await replicas[0].keep({}, at=START + 2 * HOUR)
    first, second = await store.read(lambda tx: tx.past_rates.between(START, START + 9 * HOUR))
    assert first.per_bitcoin in prices
    assert second == PastRates(at=START + HOUR, per_bitcoin=PRICES)
    assert await store.read(lambda tx: tx.past_rates.between(START + HOUR + 1, START + 9 * HOUR)) == []


@pytest.mark.both_databases
async def test_rates_further_than_three_hours_from_a_payment_do_not_count(store: Database) -> None:
    history = RateHistory(store)
    await history.keep(PRICES, at=START)
    for distance, is_near in ((0, True), (NEAR_SECONDS, True), (NEAR_SECONDS + 1, False)):
        for instant in (START + distance, START - distance):
            assert (await history.near(instant) is not None) == is_near


@given(instant=INSTANTS, kept=st.lists(INSTANTS), later=st.lists(INSTANTS))
def test_rates_that_are_kept_after_a_payment_has_its_own_do_not_change_its_receipt(
    instant: int, kept: list[int], later: list[int]
) -> None:
    before = [PastRates(at=at, per_bitcoin=PRICES) for at in kept]
    shown = rates_of(before, instant)
    newest = max([instant, *kept])
    after = [PastRates(at=at, per_bitcoin={}) for at in later if at > newest]
    assert shown is None or rates_of([*before, *after], instant) == shown


def test_the_last_rates_until_a_payment_come_before_nearer_ones_after_it() -> None:
    earlier, before, after, later = (PastRates(at=START + at, per_bitcoin=PRICES) for at in (-7_000, -3_000, 5, 3_700))
    assert rates_of([earlier, before, after, later], START) is before
    assert rates_of([after, later], START) is after
    assert rates_of([], START) is None


class Refusing:
    """A store whose database is away, or whose answer to a commit is lost."""

    def __init__(self, refusal: Exception) -> None:
        self.refusal, self.asked = refusal, 0

    async def write(self, _: object) -> None:
        self.asked += 1
        raise self.refusal

    async def read(self, _: object) -> None:
        raise self.refusal


@pytest.mark.parametrize("refusal", [Unavailable("database_away", ""), OutcomeUnknown("commit_unanswered", "")])
async def test_a_database_that_refuses_rates_is_asked_again_and_harms_nothing(refusal: Exception) -> None:
    store = Refusing(refusal)
    history = RateHistory(store)  # type: ignore[arg-type]  # what it needs of a store
    for _ in range(2):
        await history.keep(PRICES, at=START)
    assert store.asked == 2


async def test_a_receipt_is_whole_while_past_rates_cannot_be_read() -> None:
    assert await RateHistory(Refusing(Unavailable("database_away", ""))).near(START) is None  # type: ignore[arg-type]


def test_an_hour_is_a_whole_one() -> None:
    assert [hour_of(instant) for instant in (0, HOUR - 1, HOUR)] == [0, 0, 1]


# On the receipt ------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def a_source() -> AsyncIterator[str]:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(PRICES)

    app = web.Application()
    app.router.add_get("/prices", answer)
    async with serve_app(app) as url:
        yield f"{url}/prices"


@pytest.fixture
async def config(config: Config) -> AsyncIterator[Config]:
    async with a_source() as url:
        yield config.model_copy(update={"rates_url": url})


@pytest.fixture
async def shop(site: Site) -> Site:
    """A site that sells `welcome`, and has asked its source once."""
    await site.sell_text("# A text\n\nFree.\n\n<!-- more -->\n\nPaid.")
    await until(lambda: kept(site))
    return site


async def kept(site: Site) -> bool:
    return bool(await site.gateway.store.read(lambda tx: tx.past_rates.between(START, START)))


async def receipt_of(shop: Site, headers: dict[str, str], languages: str) -> tuple[Any, str]:
    """The rate of the API's answer, and the page."""
    sent = headers | {"Accept-Language": languages}
    rate = (await shop.call("GET", "/v1/receipt", headers=sent))[1]["rate"]
    return rate, (await shop.call("GET", "/r", headers=sent))[1].replace("\xa0", " ")


@pytest.mark.both_databases
async def test_a_receipt_shows_for_ever_what_was_paid_at_the_rate_of_then(shop: Site, clock: FakeClock) -> None:
    invoice, headers = await shop.buy("welcome")
    await shop.settle(invoice["payment_hash"])
    clock.advance(10_000_000)
    await RateHistory(shop.gateway.store).keep({"EUR": 1.0, "USD": 1.0}, at=START + 10_000_000)
    for languages, currency, fallback, shown in (
        ("de", "EUR", False, "≈ 0,09 €"),
        ("ko", "KRW", False, "≈ ₩140"),
        ("ja", "USD", True, "≈ USD 0.10"),
    ):
        rate, page = await receipt_of(shop, headers, languages)
        assert rate == {
            "currency": currency,
            "per_bitcoin": PRICES[currency],
            "at": "2027-01-15T08:00:00Z",
            "fallback": fallback,
            "fixed": False,
        }
        assert f">{shown}</span>" in page
    assert "At the exchange rate when it was paid" in (await receipt_of(shop, headers, "en"))[1]


async def test_a_payment_without_rates_of_its_time_is_shown_in_sat_alone(shop: Site, clock: FakeClock) -> None:
    clock.advance(NEAR_SECONDS + 1)
    invoice, headers = await shop.buy("welcome")
    assert (await shop.call("GET", "/v1/receipt", headers=headers))[1]["rate"] is None
    await shop.settle(invoice["payment_hash"])
    rate, page = await receipt_of(shop, headers, "de")
    assert (rate, "≈" in page) == (None, False)


async def test_rates_that_a_newer_version_wrote_are_passed_over(shop: Site) -> None:
    written = "UPDATE past_rates SET per_bitcoin = '[1]'"
    change(shop.gateway.config.database_url, lambda connection: connection.exec_driver_sql(written))
    invoice, headers = await shop.buy("welcome")
    await shop.settle(invoice["payment_hash"])
    assert (await receipt_of(shop, headers, "de"))[0] is None
