"""An item with allowed origins is sold only on those sites; programs and paid access are not restricted."""

from itertools import product
from typing import Any

import pytest

from tests.support.site import Site

BLOG = "https://blog.example"
INVOICES, CONTENT, ITEM = "/v1/items/welcome/invoices", "/v1/items/welcome/content", "/v1/items/welcome"
ELSEWHERE = [
    "null",
    "http://blog.example",
    "https://blog.example:8443",
    "https://blog.example:443",
    "https://BLOG.example",
    "https://blog.example/",
    "https://blog.example.evil.example",
    "https://evil.example",
    "https://www.blog.example",
    "blog.example",
    "",
    "https://blog.example https://evil.example",
]
# What a creator might write, and no browser sends.
UNHEARD_OF = [
    "https://blog.example/",
    "https://Blog.example",
    "HTTPS://blog.example",
    "https://blog.example/essays",
    "https://blog.example:443",
    "http://blog.example:80",
    "https://blog.example:",
    "https://blog.example:0",
    "https://alice@blog.example",
    "https://*.blog.example",
    "*",
    "null",
    "blog.example",
    "ftp://blog.example",
    "https://blög.example",
    "https://blog.example\n",
    "https://" + "a" * 300,
    "",
]


@pytest.fixture
async def shop(site: Site) -> Site:
    """A site whose `welcome` is sold in one blog's pages."""
    await site.sell_text("# A text\n\nFree.\n\nPaid.", allowed_origins=[BLOG])
    return site


async def asked(site: Site, method: str, path: str, origin: str | None, **headers: str) -> tuple[int, Any, Any]:
    """Status, headers and decoded body of what a page of this origin asks."""
    named = {} if origin is None else {"Origin": origin}
    async with site.session.request(method, f"{site.url}{path}", headers=named | headers) as response:
        body = await response.json(content_type=None) if "json" in response.content_type else await response.text()
        return response.status, response.headers, body


async def test_a_page_of_an_allowed_site_can_sell_and_read_the_response(shop: Site) -> None:
    status, headers, _ = await asked(shop, "POST", INVOICES, BLOG)
    assert status == 201
    assert headers["Access-Control-Allow-Origin"] == BLOG
    assert "Origin" in headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in headers


async def test_a_page_of_any_other_site_is_refused_before_an_invoice_is_created(shop: Site) -> None:
    before = shop.dump()
    for (method, path), origin in product((("POST", INVOICES), ("GET", CONTENT)), ELSEWHERE):
        status, headers, problem = await asked(shop, method, path, origin)
        assert (status, problem["code"]) == (403, "origin_not_allowed")
        assert "Origin" in headers["Vary"]
        assert headers.get("Access-Control-Allow-Origin") != "*"
    assert shop.dump() == before


async def test_a_refused_page_can_read_the_reason(shop: Site) -> None:
    for origin in ("null", "https://evil.example"):
        _, headers, problem = await asked(shop, "POST", INVOICES, origin)
        assert headers["Access-Control-Allow-Origin"] == origin
        assert len(problem["detail"].split()) > 3
        status, headers, item = await asked(shop, "GET", ITEM, origin)
        assert (status, item["price_msat"], headers["Access-Control-Allow-Origin"]) == (200, 100_000, origin)


async def test_a_preflight_names_the_origin_and_varies_by_it(shop: Site) -> None:
    for path, origin in product((INVOICES, CONTENT, ITEM), (BLOG, "https://evil.example", "null")):
        status, headers, _ = await asked(shop, "OPTIONS", path, origin, **{"Access-Control-Request-Method": "POST"})
        assert (status, headers["Access-Control-Allow-Origin"]) == (204, origin)
        assert "Origin" in headers["Vary"]
        assert "POST" in headers["Access-Control-Allow-Methods"]


async def test_a_malformed_origin_is_never_echoed(shop: Site) -> None:
    for origin in ("https://evil.example/<b>", "javascript:alert(1)", "\xff"):
        status, headers, _ = await asked(shop, "POST", INVOICES, origin)
        assert status == 403
        assert "Access-Control-Allow-Origin" not in headers


async def test_a_program_without_an_origin_is_served(shop: Site) -> None:
    assert (await asked(shop, "POST", INVOICES, None))[0] == 201
    status, headers, _ = await asked(shop, "GET", CONTENT, None)
    assert status == 402
    assert "WWW-Authenticate" in headers


async def test_the_gateways_own_page_sells_everything(shop: Site) -> None:
    for origin in (shop.url, shop.gateway.config.public_url):
        assert (await asked(shop, "POST", INVOICES, origin))[0] == 201


async def test_paid_content_opens_in_any_page(shop: Site) -> None:
    invoice, token = await shop.buy("welcome")
    await shop.settle(invoice["payment_hash"])
    status, headers, text = await asked(shop, "GET", CONTENT, "https://evil.example", **token)
    assert (status, "Paid." in text) == (200, True)
    assert {part.strip() for part in headers["Vary"].split(",")} >= {"Origin", "Authorization"}


async def test_an_item_without_allowed_origins_is_sold_on_every_page(site: Site) -> None:
    await site.sell_text("# A text\n\nFree.\n\nPaid.")
    status, headers, _ = await asked(site, "POST", INVOICES, "https://evil.example")
    assert (status, headers["Access-Control-Allow-Origin"], headers.get("Vary")) == (201, "*", None)


async def test_the_allowed_origins_can_be_changed_and_removed(shop: Site) -> None:
    admin = "/v1/admin/items/welcome"
    other = "http://[::1]:8080"
    _, changed = await shop.call("PATCH", admin, json={"allowed_origins": [other]}, headers=shop.operator)
    assert changed["allowed_origins"] == [other]
    assert (await asked(shop, "POST", INVOICES, BLOG))[0] == 403
    assert (await asked(shop, "POST", INVOICES, other))[0] == 201
    _, changed = await shop.call("PATCH", admin, json={"allowed_origins": []}, headers=shop.operator)
    assert changed["allowed_origins"] == []
    assert (await asked(shop, "POST", INVOICES, BLOG))[0] == 201


async def test_an_origin_that_no_browser_would_send_is_refused(shop: Site) -> None:
    before = shop.dump()
    for origin in UNHEARD_OF:
        status, problem = await shop.call(
            "PATCH", "/v1/admin/items/welcome", json={"allowed_origins": [origin]}, headers=shop.operator
        )
        assert (status, "allowed_origins" in problem["detail"]) == (422, True), origin
    assert shop.dump() == before


async def test_the_snippet_lists_the_allowed_origins(shop: Site) -> None:
    _, snippet = await shop.call("GET", "/embed?what=welcome")
    assert snippet["allowed_origins"] == [BLOG]
    _, page = await shop.call("GET", "/embed?what=welcome", headers={"Accept": "text/html"})
    assert BLOG in page


@pytest.mark.parametrize("web_origin", ["http://[", "http://[::1", "//[", "http://a]b"])
async def test_an_unparsable_origin_is_malformed_on_every_route(site: Site, web_origin: str) -> None:
    await site.sell_text("# A text\n\nFree.\n\nPaid.")
    asked = [("POST", "/v1/items/welcome/invoices"), ("POST", "/i/welcome"), ("GET", "/v1/items/welcome")]
    for method, path in (*asked, ("POST", "/recover"), ("GET", "/i/welcome"), ("GET", "/v1/admin/items")):
        assert (await site.call(method, path, headers={"Origin": web_origin}))[0] == 400, path
    assert list(site.core.invoices) == []
