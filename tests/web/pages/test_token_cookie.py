"""The token cookie of a browser without scripts, which stays small after any number of purchases."""

from http.cookies import SimpleCookie

import pytest

from gateway.web.pages.token_cookie import MOST_CHARACTERS
from gateway.web.serve import build_app
from tests.support.site import Site, serve_app
from tests.web.http.test_middleware import with_fields
from tests.web.pages.test_purchases import PAGE, PAID_PART, TEXT, Browser, payment_hash

MOST_OF_A_HEAD = 8_190


@pytest.fixture
def browser(site: Site) -> Browser:
    return Browser(site)


async def test_the_cookie_stays_small_enough_after_any_number_of_purchases(site: Site, browser: Browser) -> None:
    browser.cookies["theme"] = "dark"
    for number in range(40):
        item_id = f"{number:02d}-{'long-name-' * 6}"[:64].rstrip("-")
        await site.sell_text(TEXT, item_id=item_id)
        assert (await browser.submit(f"/i/{item_id}"))[0] == 303
        site.clock.advance(5)
        await site.settle(payment_hash((await browser.get(f"/i/{item_id}"))[1]))
        assert set(browser.cookies) == {"theme", "tuppence"}
        assert len(browser.cookies["tuppence"]) <= MOST_CHARACTERS
    for path in ("/r", f"/i/{item_id}", "/t/alice", "/recover", "/healthz"):
        assert (await browser.get(path))[0] == 200
    assert PAID_PART in (await browser.get(f"/i/{item_id}"))[1], "the newest is kept"
    assert PAID_PART not in (await browser.get(f"/i/00-{'long-name-' * 6}"[:67].rstrip("-")))[1], "the oldest is not"


async def test_the_tokens_of_several_pages_are_kept_apart(site: Site, browser: Browser) -> None:
    for item_id in ("welcome", "other"):
        await site.sell_text(TEXT, item_id=item_id)
        await browser.submit(f"/i/{item_id}")
    await browser.submit("/t/bob", {"amount": "21"})
    for path in ("/i/welcome", "/i/other", "/t/bob"):
        await site.settle(payment_hash((await browser.get(path))[1]))
    assert "Thank you" in (await browser.get("/t/bob"))[1]
    assert 'data-state="offered"' in (await browser.get("/t/bob"))[1]
    for path in ("/i/welcome", "/i/other"):
        assert PAID_PART in (await browser.get(path))[1]
    assert browser.cookies["tuppence"].count(".") == 2


@pytest.mark.parametrize("visit", ["/i/welcome", "/i/other", "/t/alice", "/r", "/recover", "/i/nothing"])
async def test_former_cookies_are_converted_once_and_deleted(site: Site, browser: Browser, visit: str) -> None:
    for item_id in ("welcome", "other"):
        await site.sell_text(TEXT, item_id=item_id)
        await browser.submit(f"/i/{item_id}")
        await site.settle(payment_hash((await browser.get(f"/i/{item_id}"))[1]))
        browser.cookies[f"tuppence-i-{item_id}"] = browser.cookies.pop("tuppence")
    await browser.get(visit)
    assert [browser.cookies[f"tuppence-i-{item_id}"] for item_id in ("welcome", "other")] == ["", ""]
    browser.cookies = {"tuppence": browser.cookies["tuppence"]}
    for item_id in ("welcome", "other"):
        assert PAID_PART in (await browser.get(f"/i/{item_id}"))[1]


async def test_former_cookies_stay_when_another_item_is_bought(site: Site, browser: Browser) -> None:
    for item_id in ("welcome", "other"):
        await site.sell_text(TEXT, item_id=item_id)
    await browser.submit("/i/welcome")
    await site.settle(payment_hash((await browser.get("/i/welcome"))[1]))
    browser.cookies = {"tuppence-i-welcome": browser.cookies["tuppence"]}
    await browser.submit("/i/other")
    browser.cookies = {"tuppence": browser.cookies["tuppence"]}
    assert PAID_PART in (await browser.get("/i/welcome"))[1]
    assert 'data-state="waiting"' in (await browser.get("/i/other"))[1]


async def test_under_https_no_other_host_can_put_a_token_in(site: Site) -> None:
    await site.sell_text(TEXT)
    secure = with_fields(site.gateway, public_url="https://pay.example")
    async with serve_app(build_app(secure)) as url:
        async with site.session.post(f"{url}/i/welcome", allow_redirects=False) as response:
            (line,) = response.headers.getall("Set-Cookie")
            ((name, cookie),) = SimpleCookie(line).items()
        assert (name, cookie["path"], cookie["secure"], cookie["domain"]) == ("__Host-tuppence", "/", True, "")
        for put_in in ("tuppence", "tuppence-i-welcome", "__Host-tuppence-i-other"):
            headers = PAGE | {"Cookie": f"{put_in}={cookie.value}"}
            async with site.session.get(f"{url}/i/welcome", headers=headers) as response:
                assert ('data-state="waiting"' in await response.text()) is put_in.endswith("other")


@pytest.mark.parametrize(
    "value", ["", ".", "~", "x" * 5_000, "i~" * 2_000, "..~.", "\xff", "a.b;c", '"', "t~", "q~abc"]
)
async def test_a_malformed_cookie_is_ignored(site: Site, browser: Browser, value: str) -> None:
    await site.sell_text(TEXT)
    for name in ("tuppence", "tuppence-i-welcome", "tuppence-t-bob"):
        browser.cookies = {name: value}
        for path in ("/i/welcome", "/t/bob", "/r"):
            assert (await browser.get(path))[0] == 200
        assert (await browser.submit("/i/welcome"))[0] == 303
        assert len(browser.cookies["tuppence"]) <= MOST_CHARACTERS


@pytest.mark.parametrize("lang", ["en", "de", "es", "fr", "ja", "ko", "pt-BR", "zh-Hans"])
async def test_a_browser_without_cookies_is_told_that_one_is_needed(site: Site, browser: Browser, lang: str) -> None:
    await site.sell_text(TEXT)
    for path in ("/i/welcome", "/t/bob", "/recover"):
        await browser.submit(path, {"amount": "21", "code": "0000-0000-0000"})
        browser.cookies = {}
        _, page = await browser.get(f"{path}?lang={lang}")
        hint = page.partition("<noscript>")[2].partition("</noscript>")[0]
        assert "cookie" in hint.lower() or "쿠키" in hint
