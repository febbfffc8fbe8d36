"""Limits for foreign pages that use a visitor's browser, and for concurrent requests."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.config import load_config
from gateway.simulator.core import Simulator
from tests.support.clock import FakeClock
from tests.support.rows import a_creator
from tests.support.site import Site, open_site

TEXT = "# A text\n\nThe free part.\n\nThe paid part."
INVOICES, CONTENT, TIPS = "/v1/items/welcome/invoices", "/v1/items/welcome/content", "/v1/creators/alice/tips"
VISITOR, NEIGHBOUR = {"X-Forwarded-For": "203.0.113.7"}, {"X-Forwarded-For": "198.51.100.7"}
EVIL = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}


@pytest.fixture
async def shop(tmp_path: Path, clock: FakeClock, core: Simulator) -> AsyncIterator[Site]:
    async with open_site(load_config(data_dir=tmp_path, trusted_proxies="127.0.0.1"), clock, core) as site:
        for name in ("alice", "bob"):
            await site.gateway.catalog.add_creator(a_creator(name))
        await site.sell_text(TEXT)
        yield site


async def statuses(site: Site, count: int, headers: dict[str, str], path: str = INVOICES) -> Counter[int]:
    return Counter([(await site.call("POST", path, headers=VISITOR | headers))[0] for _ in range(count)])


@pytest.mark.parametrize(
    "headers",
    [
        EVIL,
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": ""} | {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_a_foreign_page_uses_up_only_its_own_part_of_a_networks_limit(
    shop: Site, headers: dict[str, str]
) -> None:
    assert await statuses(shop, 30, headers) == {201: 5, 429: 25}
    blog = {"Origin": "https://blog.example", "Sec-Fetch-Site": "cross-site"}
    assert await statuses(shop, 1, blog) == {201: 1}
    ours = {"Origin": shop.gateway.config.public_url, "Sec-Fetch-Site": "same-origin"}
    assert await statuses(shop, 2, ours) == {201: 2}
    assert await statuses(shop, 2, {}) == {201: 2}


async def test_foreign_pages_of_any_number_leave_their_visitor_a_quarter(shop: Site) -> None:
    for number in range(30):
        await statuses(shop, 2, EVIL | {"Origin": f"https://{number}.evil.example"})
    assert await statuses(shop, 6, {}) == {201: 5, 429: 1}


async def test_the_items_own_sites_and_pages_of_the_same_site_are_not_foreign(shop: Site) -> None:
    sites = {"allowed_origins": ["https://blog.example"]}
    await shop.call("PATCH", "/v1/admin/items/welcome", json=sites, headers=shop.operator)
    assert await statuses(shop, 10, {"Origin": "https://blog.example", "Sec-Fetch-Site": "cross-site"}) == {201: 10}
    await shop.call("PATCH", "/v1/admin/items/welcome", json={"allowed_origins": []}, headers=shop.operator)
    assert await statuses(shop, 10, {"Origin": "https://www.example", "Sec-Fetch-Site": "same-site"}) == {201: 10}


@pytest.mark.parametrize("mode", ["no-cors", "navigate", "websocket", "nested-navigate"])
async def test_a_cross_site_subresource_request_creates_no_invoice(shop: Site, mode: str) -> None:
    for number in range(25):
        await shop.sell_text(TEXT, item_id=f"item-{number}")
        headers = VISITOR | {"Sec-Fetch-Mode": mode, "Sec-Fetch-Site": "cross-site", "Accept": "image/*"}
        assert (await shop.call("GET", f"/v1/items/item-{number}/content", headers=headers))[0] == 402
    assert not list(shop.core.invoices)


async def test_a_foreign_page_leaves_its_visitor_some_recovery_tries(shop: Site) -> None:
    wrong = {"code": "0000-0000-0000"}
    for number in range(10):
        await shop.call("POST", "/v1/recoveries", json=wrong, headers=VISITOR | {"Origin": f"https://{number}.example"})
    assert (await shop.call("POST", "/v1/recoveries", json=wrong, headers=VISITOR))[0] == 404


async def test_concurrent_recovery_tries_are_limited_like_sequential_ones(shop: Site) -> None:
    wrong = {"code": "0000-0000-0000"}
    asked = (shop.call("POST", "/v1/recoveries", json=wrong, headers=VISITOR) for _ in range(40))
    assert Counter(status for status, _ in await asyncio.gather(*asked)) == {404: 5, 429: 35}


async def test_concurrent_invoices_are_limited_like_sequential_ones(shop: Site) -> None:
    asked = (shop.call("POST", INVOICES, headers=VISITOR) for _ in range(60))
    assert Counter(status for status, _ in await asyncio.gather(*asked)) == {201: 20, 429: 40}


async def test_concurrent_requests_of_one_client_get_one_challenge(shop: Site) -> None:
    answers = await asyncio.gather(*(shop.call("GET", CONTENT, headers=VISITOR) for _ in range(40)))
    assert {status for status, _ in answers} == {402}
    assert len({body["paymentHash"] for _, body in answers}) == len(list(shop.core.invoices)) == 1
    assert (await shop.call("GET", CONTENT, headers=NEIGHBOUR))[1]["paymentHash"] != answers[0][1]["paymentHash"]


async def test_concurrent_requests_with_one_idempotency_key_create_one_invoice(shop: Site) -> None:
    for path, body in ((INVOICES, None), (TIPS, {"amount_msat": 21_000})):
        before = len(list(shop.core.invoices))
        headers = VISITOR | {"Idempotency-Key": "k" * 40}
        answers = await asyncio.gather(*(shop.call("POST", path, headers=headers, json=body) for _ in range(40)))
        assert {status for status, _ in answers} == {201}
        assert len({invoice["payment_hash"] for _, invoice in answers}) == 1
        assert len(list(shop.core.invoices)) == before + 1


async def test_security_says_how_many_networks_close_the_shop() -> None:
    config = load_config()
    words = " ".join((Path(__file__).parents[3] / "SECURITY.md").read_text(encoding="utf-8").split())
    networks = config.open_invoices // config.open_invoices_per_client + config.open_invoices // 2
    (said,) = re.findall(r"for more than a minute with fewer than ([\d,]+) networks", words)
    assert int(said.replace(",", "")) == networks
    assert (
        f"{config.open_invoices_per_client // 4} unpaid invoices of a network's {config.open_invoices_per_client}"
        in words
    )
