"""Forms of the pages: the origins that may send one, what an error keeps, the price of an open invoice."""

import pytest

from gateway.ports.node import NodeState
from gateway.web.serve import build_app
from tests.support.site import Site, serve_app
from tests.web.http.test_middleware import with_fields
from tests.web.pages.test_purchases import TEXT, Browser

EVIL, NULL = "https://evil.example", "null"
WAYS = [None, "cross-site", "same-site", "same-origin", "none"]


@pytest.fixture
def browser(site: Site) -> Browser:
    return Browser(site)


@pytest.mark.parametrize("path", ["/i/welcome", "/t/bob", "/recover", "/r"])
async def test_a19_a_form_is_accepted_from_our_own_pages_whatever_headers_they_send(site: Site, path: str) -> None:
    await site.sell_text(TEXT)
    own = site.url
    taken: set[tuple[str | None, str | None]] = {
        (origin, way) for origin in (own, site.gateway.config.public_url) for way in WAYS
    }
    taken |= {(NULL, "same-origin"), (None, None), (None, "same-origin"), (None, "none")}
    for origin in (None, NULL, own, site.gateway.config.public_url, EVIL, "http://127.0.0.1:1", "", "http://["):
        for way in WAYS:
            headers = {"Origin": origin, "Sec-Fetch-Site": way}
            sent = {name: value for name, value in headers.items() if value is not None}
            form = {"amount": "21", "code": "0000-0000-0000"}
            status, _ = await site.call("POST", path, data=form, headers=sent, allow_redirects=False)
            assert (status not in {400, 403}) is ((origin, way) in taken), (origin, way)


async def test_a_foreign_host_name_that_resolves_here_sells_no_restricted_item(site: Site) -> None:
    await site.sell_text(TEXT, allowed_origins=["https://blog.example"])
    public = with_fields(site.gateway, public_url="https://pay.example")
    async with serve_app(build_app(public)) as url:
        for path in ("/v1/items/welcome/invoices", "/i/welcome"):
            for scheme in ("http", "https"):
                for way in WAYS:
                    headers = {"Host": "evil.example", "Origin": f"{scheme}://evil.example"}
                    headers |= {} if way is None else {"Sec-Fetch-Site": way}
                    async with site.session.post(f"{url}{path}", headers=headers, allow_redirects=False) as response:
                        assert response.status == 403, (path, headers)
            headers = {"Host": "evil.example", "Origin": NULL, "Sec-Fetch-Site": "same-origin"}
            async with site.session.post(f"{url}{path}", headers=headers, allow_redirects=False) as response:
                assert response.status == 403
    assert not list(site.core.invoices)


@pytest.mark.parametrize("public_url", ["https://pay.example", "https://Pay.Example/", "https://pay.example:443"])
async def test_our_own_pages_sell_restricted_items_behind_any_proxy(site: Site, public_url: str) -> None:
    await site.sell_text(TEXT, allowed_origins=["https://blog.example"])
    public = with_fields(site.gateway, public_url=public_url.rstrip("/"))
    async with serve_app(build_app(public)) as url:
        for path, status in (("/v1/items/welcome/invoices", 201), ("/i/welcome", 303)):
            for host in ("pay.example", "tuppence", "127.0.0.1:8402"):
                headers = {"Host": host, "Origin": "https://pay.example"}
                async with site.session.post(f"{url}{path}", headers=headers, allow_redirects=False) as response:
                    assert response.status == status
            headers = {"Host": "pay.example", "Origin": NULL, "Sec-Fetch-Site": "same-origin"}
            async with site.session.post(f"{url}{path}", headers=headers, allow_redirects=False) as response:
                assert response.status == status


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
async def test_a_line_break_in_a_note_counts_as_one_character(site: Site, browser: Browser, line_end: str) -> None:
    note = line_end.join(["x" * 9] * 50)
    assert (await browser.submit("/t/bob", {"amount": "21", "message": note + "y"}))[0] == 303
    status, tip = await site.call("POST", "/v1/creators/bob/tips", json={"amount_msat": 1_000, "message": note + "y"})
    assert status == 201
    await site.settle(tip["payment_hash"])
    _, (payment,) = await site.call("GET", "/v1/admin/payments", headers=site.operator)
    assert payment["message"] == "\n".join(["x" * 9] * 50) + "y"
    status, problem = await site.call(
        "POST", "/v1/creators/bob/tips", json={"amount_msat": 1_000, "message": note + "yz"}
    )
    assert (status, problem["code"]) == (422, "body_invalid")


@pytest.mark.parametrize("reason", ["note", "name", "amount", "many", "away"])
async def test_the_form_keeps_what_was_typed_after_any_error(site: Site, browser: Browser, reason: str) -> None:
    typed = {"amount": "", "own": "4242", "name": "Ines <b>", "message": "first & last\r\nsecond"}
    status, words = 422, "Shorten the note: at most 500 characters of message, 80 of name."
    if reason == "note":
        typed["message"] += "\r\n" + "x" * 500
    elif reason == "name":
        typed["name"] += "x" * 80
    elif reason == "amount":
        typed["own"], words = "999999999", "Choose an amount"
    elif reason == "many":
        for _ in range(20):
            await site.call("POST", "/v1/creators/bob/tips", json={"amount_msat": 1_000})
        status, words = 429, "Too many of your invoices are unpaid."
    else:
        site.core.state = NodeState.ABSENT
        status, words = 503, "not answering"
    answered, page = await browser.submit("/t/bob", typed)
    assert (answered, words in page) == (status, True)
    assert f'value="{typed["own"]}"' in page
    assert "Ines &lt;b&gt;" in page
    assert "first &amp; last" in page
    assert '<details class="note" open>' in page
    assert browser.cookies == {}


async def test_a_refused_code_stays_in_its_form(browser: Browser) -> None:
    _, page = await browser.submit("/recover", {"code": '0000-<"0000'})
    assert 'value="0000-&lt;&#34;0000"' in page


async def test_the_page_of_an_invoice_shows_its_own_price_until_it_ends(site: Site, browser: Browser) -> None:
    await site.sell_text(TEXT, access_seconds=3_600)
    await browser.submit("/i/welcome")
    change = {"price_msat": 777_000, "access_seconds": 86_400}
    await site.call("PATCH", "/v1/admin/items/welcome", json=change, headers=site.operator)
    _, waiting = await browser.get("/i/welcome")
    assert ("777<" in waiting, "100<" in waiting, "1 hour" in waiting) == (False, True, True)
    site.clock.advance(601)
    _, expired = await browser.get("/i/welcome")
    assert ("Pay 777 sat" in expired, "1 day" in expired) == (True, True)
    await browser.submit("/i/welcome")
    assert "777<" in (await browser.get("/i/welcome"))[1]
