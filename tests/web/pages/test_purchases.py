"""Buying over HTTP without scripts: forms, a cookie and refreshing pages."""

import re
from http.cookies import SimpleCookie
from typing import Any

import pytest

from tests.support.clock import until
from tests.support.site import Site

TEXT = "# A little\n\nThe free part.\n\n<!-- more -->\n\nThe paid part, worth a hundred sats."
PAID_PART = "worth a hundred sats"
PAGE = {"Accept": "text/html"}


class Browser:
    """Keeps cookies and follows nothing."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.cookies: dict[str, str] = {}

    async def get(self, path: str) -> tuple[int, str]:
        return await self._ask("GET", path)

    async def submit(self, path: str, form: dict[str, str] | None = None, **headers: str) -> tuple[int, str]:
        return await self._ask("POST", path, data=form or {}, headers=headers)

    async def _ask(self, method: str, path: str, **options: Any) -> tuple[int, str]:
        headers = PAGE | {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())} | options.pop("headers", {})
        url = f"{self._site.url}{path}"
        async with self._site.session.request(method, url, headers=headers, allow_redirects=False, **options) as r:
            for line in r.headers.getall("Set-Cookie", ()):
                for name, cookie in SimpleCookie(line).items():
                    assert cookie["httponly"]
                    assert cookie["samesite"] == "Lax"
                    self.cookies[name] = cookie.value
            return r.status, await r.text()


@pytest.fixture
def browser(site: Site) -> Browser:
    return Browser(site)


def payment_hash(page: str) -> str:
    match = re.search(r"/v1/invoices/([0-9a-f]{64})/qr.svg", page)
    assert match is not None, "the page shows a QR"
    return match[1]


async def test_a_form_and_a_cookie_are_enough_to_pay_and_read(site: Site, browser: Browser) -> None:
    await site.sell_text(TEXT)
    status, offered = await browser.get("/i/welcome")
    assert status == 200
    assert "Pay 100 sat" in offered
    assert PAID_PART not in offered

    assert (await browser.submit("/i/welcome"))[0] == 303
    _, waiting = await browser.get("/i/welcome")
    assert "Waiting for your payment" in waiting
    assert PAID_PART not in waiting

    site.pay(payment_hash(waiting))
    await until(lambda: shows(browser, "/i/welcome", PAID_PART))
    _, receipt = await browser.get("/r")
    assert "A little" in receipt
    assert "70 sat" in receipt


async def test_viewing_a_page_creates_no_invoice(site: Site, browser: Browser) -> None:
    await site.sell_text(TEXT)
    for path in ("/i/welcome", "/t/alice", "/r"):
        assert (await browser.get(path))[0] == 200
    assert not list(site.core.invoices)


async def test_submitting_twice_keeps_the_same_invoice(site: Site, browser: Browser) -> None:
    await site.sell_text(TEXT)
    await browser.submit("/i/welcome")
    _, first = await browser.get("/i/welcome")
    await browser.submit("/i/welcome")
    _, second = await browser.get("/i/welcome")
    assert payment_hash(first) == payment_hash(second)


async def test_the_token_of_an_expired_invoice_is_kept_beside_the_new_one(site: Site, browser: Browser) -> None:
    await site.sell_text(TEXT)
    await browser.submit("/i/welcome")
    (first,) = browser.cookies.values()
    site.clock.advance(601)
    _, expired = await browser.get("/i/welcome")
    assert "it still counts" in expired
    await browser.submit("/i/welcome")
    (both,) = browser.cookies.values()
    assert both.split(".")[1:] == [first]


async def test_a_form_that_is_sent_at_a_new_price_leaves_one_invoice_that_can_be_paid(
    site: Site, browser: Browser
) -> None:
    await site.call("POST", "/v1/admin/creators", json={"name": "alice"}, headers=site.operator)
    hashes = []
    for amount in ("21", "42"):
        await browser.submit("/t/alice", {"amount": amount})
        hashes.append(payment_hash((await browser.get("/t/alice"))[1]))
    first, second = hashes
    assert (await site.call("GET", f"/v1/invoices/{first}"))[1]["state"] == "canceled"
    assert (await site.call("GET", f"/v1/invoices/{second}"))[1]["state"] == "open"


async def test_the_cookie_of_one_item_opens_no_other(site: Site, browser: Browser) -> None:
    await site.sell_text(TEXT)
    await site.sell_text(TEXT, item_id="other")
    await browser.submit("/i/welcome")
    _, waiting = await browser.get("/i/welcome")
    site.pay(payment_hash(waiting))
    await until(lambda: shows(browser, "/i/welcome", PAID_PART))
    for name in ("tuppence-i-other", "tuppence"):
        browser.cookies = {name: browser.cookies["tuppence"]}
        _, other = await browser.get("/i/other")
        assert PAID_PART not in other


async def test_the_api_reads_no_cookie(site: Site, browser: Browser) -> None:
    await site.sell_text(TEXT)
    await browser.submit("/i/welcome")
    _, waiting = await browser.get("/i/welcome")
    site.pay(payment_hash(waiting))
    await until(lambda: shows(browser, "/i/welcome", PAID_PART))
    status, wall = await browser.get("/v1/items/welcome/content")
    assert status == 402
    assert PAID_PART not in wall


async def test_a_tip_is_thanked_for_once_and_its_note_reaches_the_creator(site: Site, browser: Browser) -> None:
    form = {"amount": "", "own": "42", "name": "Ines", "message": "For the map."}
    assert (await browser.submit("/t/bob", form))[0] == 303
    _, waiting = await browser.get("/t/bob")
    site.pay(payment_hash(waiting))
    await until(lambda: shows(browser, "/t/bob", 'data-state="open"'))
    _, again = await browser.get("/t/bob")
    assert 'data-state="offered"' in again
    _, payments = await site.call("GET", "/v1/admin/payments", headers=site.operator)
    assert [(p["paid_msat"], p["name"], p["message"]) for p in payments] == [(42_000, "Ines", "For the map.")]


@pytest.mark.parametrize("own", ["", "-5", "1e3", "٤٢", "9" * 20, "0"])
async def test_an_invalid_amount_shows_the_form_again(site: Site, browser: Browser, own: str) -> None:
    status, page = await browser.submit("/t/bob", {"amount": "", "own": own})
    assert status == 422
    assert "Leave a tip" in page
    assert not list(site.core.invoices)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
async def test_a_form_from_another_site_changes_nothing(site: Site, browser: Browser, origin: str) -> None:
    await site.sell_text(TEXT)
    for path in ("/i/welcome", "/t/bob"):
        status, page = await browser.submit(path, {"amount": "21"}, Origin=origin)
        assert status == 403
        assert "came from another site" in page
    assert not list(site.core.invoices)


async def test_a_missing_page_is_html_and_not_json(browser: Browser) -> None:
    for path in ("/i/nothing", "/t/nobody"):
        status, page = await browser.get(path)
        assert status == 404
        assert "<h1>Nothing here</h1>" in page


async def test_pages_may_load_only_our_own_resources(site: Site) -> None:
    await site.sell_text(TEXT)
    async with site.session.get(f"{site.url}/i/welcome") as response:
        policy, page = response.headers["Content-Security-Policy"], await response.text()
    (nonce,) = re.findall(r"<style nonce=\"([A-Za-z0-9_-]{22})\">", page)
    assert f"style-src 'self' 'nonce-{nonce}'" in policy
    assert "unsafe" not in policy
    for name in (r"static/tuppence\.css", r"embed/[\d.]+/hosted\.js", r"static/copy\.js", r"static/mark\.svg"):
        (address,) = re.findall(rf"\"(/{name}(?:\?v=[0-9a-f]+)?)\"", page)
        async with site.session.get(f"{site.url}{address}") as static:
            assert static.status == 200
            assert "immutable" in static.headers["Cache-Control"]


async def shows(browser: Browser, path: str, words: str) -> bool:
    """Whether the page has these words by now."""
    return words in (await browser.get(path))[1]
