"""Paid content over HTTP: how it is asked for, challenged, sent and linked to."""

from pathlib import Path
from typing import Any

import pytest

from gateway.access.download_links import LINK_SECONDS
from gateway.wire.l402.challenge import encode_token
from tests.support.site import Site

TEXT = "# A text\n\nThe free part.\n\nThe paid part."
CONTENT = "/v1/items/welcome/content"
BOOK = bytes(range(256)) * 40
BROWSERS = ({"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}, {"Sec-Fetch-Mode": "navigate", "Accept": "*/*"})


@pytest.fixture
async def shop(site: Site) -> Site:
    """A site that sells `welcome`, a text, and `book`, a file."""
    await site.sell_text(TEXT)
    item = {"id": "book", "creator": "bob", "price_msat": 500_000, "file_name": "Bü ch/le.pdf".replace("/", "-")}
    assert (await site.call("POST", "/v1/admin/items", json=item, headers=site.operator))[0] == 201
    put = await site.call("PUT", "/v1/admin/items/book/content", data=BOOK, headers=site.operator)
    assert put[0] == 200
    return site


def issued(site: Site) -> int:
    return len(list(site.core.invoices))


async def bought(site: Site, item_id: str) -> dict[str, str]:
    """Headers that open an item."""
    invoice, headers = await site.buy(item_id)
    await site.settle(invoice["payment_hash"])
    return headers


async def link_of(site: Site, headers: dict[str, str], item_id: str = "book") -> str:
    """The path of a fresh signed link."""
    status, link = await site.call("POST", f"/v1/items/{item_id}/links", headers=headers)
    assert status == 200
    return str(link["url"].removeprefix(site.gateway.config.public_url))


async def test_a_challenge_has_the_header_and_the_body_that_clients_read(shop: Site) -> None:
    async with shop.session.get(f"{shop.url}{CONTENT}") as response:
        body = await response.json(content_type=None)
        assert response.status == 402
        macaroon, invoice = body["macaroon"], body["invoice"]
        assert response.headers.getall("WWW-Authenticate") == [
            f'L402 macaroon="{macaroon}", invoice="{invoice}", token="{macaroon}", version="0"'
        ]
        assert response.headers["Cache-Control"] == "no-store"
    assert (body["amountSats"], body["priceSats"], body["price_sats"]) == (100, 100, 100)
    assert body["expiresAt"] == int(shop.clock.now) + 600
    assert (body["status"], body["code"]) == (402, "payment_required")


async def test_a_client_is_shown_its_own_challenge_again_with_a_fresh_token(shop: Site) -> None:
    _, first = await shop.call("GET", CONTENT)
    _, second = await shop.call("GET", CONTENT)
    assert first["invoice"] == second["invoice"]
    assert first["macaroon"] != second["macaroon"]
    preimage = await shop.settle(first["paymentHash"])
    for challenge in (first, second):
        headers = {"Authorization": f"L402 {challenge['macaroon']}:{preimage}"}
        assert (await shop.call("GET", CONTENT, headers=headers))[0] == 200


async def test_a_challenge_that_is_paid_or_nearly_expired_or_of_another_price_is_not_shown_again(shop: Site) -> None:
    seen = []
    for step in ("paid", "nearly expired", "of another price", "the last"):
        _, challenge = await shop.call("GET", CONTENT)
        seen.append(challenge["paymentHash"])
        if step == "paid":
            await shop.settle(challenge["paymentHash"])
        elif step == "nearly expired":
            shop.clock.advance(540)
        elif step == "of another price":
            price = {"price_msat": 200_000}
            await shop.call("PATCH", "/v1/admin/items/welcome", json=price, headers=shop.operator)
    assert len(set(seen)) == 4


@pytest.mark.parametrize("headers", BROWSERS)
async def test_a_browser_gets_a_page_and_no_invoice_is_made_for_it(shop: Site, headers: dict[str, str]) -> None:
    async with shop.session.get(f"{shop.url}{CONTENT}", headers=headers) as response:
        page = await response.text()
        assert (response.status, response.content_type) == (402, "text/html")
        assert "WWW-Authenticate" not in response.headers
        assert "free part" in page
        assert "paid part" not in page
    assert issued(shop) == 0


@pytest.mark.parametrize("path", [CONTENT, "/i/welcome", "/t/alice", "/r", "/v1/items/welcome", "/openapi.json"])
async def test_a_head_and_a_page_make_no_invoice(shop: Site, path: str) -> None:
    async with shop.session.head(f"{shop.url}{path}") as response:
        assert response.status == (402 if path == CONTENT else 200)
        assert await response.read() == b""
    async with shop.session.get(f"{shop.url}{path}", headers=BROWSERS[0]) as response:
        assert response.status == (402 if path == CONTENT else 200)
    assert issued(shop) == 0


async def test_a_head_with_a_token_says_what_a_get_would_send(shop: Site) -> None:
    headers = await bought(shop, "welcome")
    async with shop.session.head(f"{shop.url}{CONTENT}", headers=headers) as response:
        assert (response.status, await response.read()) == (200, b"")
    _, body = await shop.call("GET", CONTENT, headers=headers)
    assert response.headers["Content-Length"] == str(len(body.encode()))


async def test_a_text_is_sent_as_html_that_nobody_caches_and_nothing_runs_in(shop: Site) -> None:
    headers = await bought(shop, "welcome")
    async with shop.session.get(f"{shop.url}{CONTENT}", headers=headers) as response:
        assert await response.text() == "<p>The free part.</p>\n<p>The paid part.</p>\n"
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert response.headers["Cache-Control"] == "private, no-store"
        assert "Authorization" in response.headers["Vary"]
        assert "sandbox" in response.headers["Content-Security-Policy"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_file_is_always_a_download(shop: Site) -> None:
    headers = await bought(shop, "book")
    async with shop.session.get(f"{shop.url}/v1/items/book/content", headers=headers) as response:
        assert await response.read() == BOOK
        assert response.content_type == "application/pdf"
        names = """attachment; filename="B_ ch-le.pdf"; filename*=UTF-8''B%C3%BC%20ch-le.pdf"""
        assert response.headers["Content-Disposition"] == names
        assert "sandbox" in response.headers["Content-Security-Policy"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("wanted", "status", "part"),
    [
        ("bytes=0-9", 206, BOOK[:10]),
        ("bytes=10000-", 206, BOOK[10_000:]),
        ("bytes=-5", 206, BOOK[-5:]),
        ("bytes=20000-", 416, b""),
        ("nonsense", 416, b""),
    ],
)
async def test_a_link_serves_parts(shop: Site, wanted: str, status: int, part: bytes) -> None:
    path = await link_of(shop, await bought(shop, "book"))
    async with shop.session.get(f"{shop.url}{path}", headers={"Range": wanted}) as response:
        assert (response.status, response.headers["Access-Control-Allow-Origin"]) == (status, "*")
        assert status == 416 or await response.read() == part


async def test_a_link_opens_one_item_for_an_hour(shop: Site) -> None:
    path = await link_of(shop, await bought(shop, "book"))
    assert (await shop.call("GET", path.replace("book", "welcome", 1)))[1]["code"] == "link_wrong"
    later = path.replace("expires=18", "expires=19")
    assert (await shop.call("GET", later))[1]["code"] == "link_wrong"
    shop.clock.advance(LINK_SECONDS - 1)
    async with shop.session.get(f"{shop.url}{path}") as response:
        assert (response.status, await response.read()) == (200, BOOK)
    shop.clock.advance(1)
    status, problem = await shop.call("GET", path)
    assert (status, problem["code"]) == (403, "link_expired")


async def test_a_link_ends_with_the_paid_time(shop: Site) -> None:
    await shop.call("PATCH", "/v1/admin/items/book", json={"access_seconds": 60}, headers=shop.operator)
    path = await link_of(shop, await bought(shop, "book"))
    shop.clock.advance(60)
    assert (await shop.call("GET", path))[1]["code"] == "link_expired"


async def test_what_was_paid_opens_after_archiving_and_at_any_price(shop: Site) -> None:
    headers = await bought(shop, "welcome")
    path = await link_of(shop, await bought(shop, "book"))
    for item_id in ("welcome", "book"):
        change = {"state": "archived", "price_msat": 900_000}
        await shop.call("PATCH", f"/v1/admin/items/{item_id}", json=change, headers=shop.operator)
    assert (await shop.call("GET", CONTENT, headers=headers))[0] == 200
    assert (await shop.call("POST", "/v1/items/welcome/links", headers=headers))[0] == 200
    async with shop.session.get(f"{shop.url}{path}") as response:
        assert response.status == 200


async def test_content_that_is_lost_from_the_disk_is_not_taken_for_an_unpaid_item(shop: Site) -> None:
    text, book = await bought(shop, "welcome"), await bought(shop, "book")
    path = await link_of(shop, book)
    for file in Path(shop.gateway.config.data_dir / "content").iterdir():
        file.unlink()
    requests: list[tuple[str, Any]] = [(CONTENT, text), ("/v1/items/book/content", book), (path, {})]
    for address, headers in requests:
        status, problem = await shop.call("GET", address, headers=headers)
        assert (status, problem["code"]) == (503, "content_missing")


async def test_an_edited_text_is_what_opens(shop: Site) -> None:
    headers = await bought(shop, "welcome")
    assert "paid part" in (await shop.call("GET", CONTENT, headers=headers))[1]
    new = b"Free.\n\nBetter."
    assert (await shop.call("PUT", "/v1/admin/items/welcome/content", data=new, headers=shop.operator))[0] == 200
    assert (await shop.call("GET", CONTENT, headers=headers))[1] == "<p>Free.</p>\n<p>Better.</p>\n"


async def test_a_paid_request_is_answered_without_the_database(shop: Site) -> None:
    invoice, headers = await shop.buy("welcome")
    preimage = await shop.settle(invoice["payment_hash"])
    assert (await shop.call("GET", CONTENT, headers=headers))[0] == 200
    await shop.gateway.store._store.close()  # type: ignore[attr-defined]  # behind the meter
    l402 = {"Authorization": f"L402 {invoice['access_token']}:{preimage}"}
    assert [(await shop.call("GET", CONTENT, headers=h))[0] for h in (headers, l402)] == [200, 200]


async def test_a_token_is_written_as_padded_base64_in_every_place(shop: Site) -> None:
    invoice, _ = await shop.buy("welcome")
    _, challenge = await shop.call("GET", CONTENT)
    for text in (invoice["access_token"], challenge["macaroon"]):
        assert len(text) % 4 == 0
        assert text.startswith("AgJC")
    assert encode_token(b"\xff\xfe") == "//4="
