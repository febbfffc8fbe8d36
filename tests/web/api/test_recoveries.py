"""A code opens what was bought, and nothing else; over the API, and by a form without script."""

import re
from typing import Any

import pytest

from tests.support.site import Site
from tests.web.pages.test_purchases import Browser, payment_hash

TEXT = "# A little\n\nThe free part.\n\n<!-- more -->\n\nThe paid part."
RECOVERIES, CONTENT = "/v1/recoveries", "/v1/items/welcome/content"
UNKNOWN = "0000-0000-0000"


@pytest.fixture
async def shop(site: Site) -> Site:
    """A site that sells `welcome` and `other`."""
    for item_id in ("welcome", "other"):
        await site.sell_text(TEXT, item_id=item_id)
    return site


@pytest.fixture
def browser(shop: Site) -> Browser:
    return Browser(shop)


async def buy_code(shop: Site, item_id: str = "welcome") -> str:
    """Pay, and read the code on the receipt."""
    invoice, headers = await shop.buy(item_id)
    await shop.settle(invoice["payment_hash"])
    return await code_on_receipt(shop, headers)


async def code_on_receipt(shop: Site, headers: dict[str, str]) -> str:
    return str((await shop.call("GET", "/v1/receipt", headers=headers))[1]["recovery_code"])


async def recover(shop: Site, code: str) -> tuple[int, Any]:
    return await shop.call("POST", RECOVERIES, json={"code": code})


async def test_a_code_opens_what_was_bought_on_a_device_that_holds_nothing(shop: Site) -> None:
    code = await buy_code(shop)
    status, recovered = await recover(shop, code.lower().replace("-", " "))
    assert (status, recovered["item_id"], recovered["tip_to"]) == (200, "welcome", None)
    assert recovered["receipt_url"].endswith(f"/r#{recovered['access_token']}")
    headers = {"Authorization": f"Bearer {recovered['access_token']}"}
    status, text = await shop.call("GET", CONTENT, headers=headers)
    assert (status, "paid part" in text) == (200, True)
    assert await code_on_receipt(shop, headers) == code


async def test_a_code_opens_only_what_it_was_bought_for(shop: Site) -> None:
    _, recovered = await recover(shop, await buy_code(shop))
    headers = {"Authorization": f"Bearer {recovered['access_token']}"}
    status, problem = await shop.call("GET", "/v1/items/other/content", headers=headers)
    assert (status, problem["code"]) == (403, "token_of_another_item")


async def test_a_recovered_token_is_another_one(shop: Site) -> None:
    invoice, headers = await shop.buy("welcome")
    await shop.settle(invoice["payment_hash"])
    _, recovered = await recover(shop, await code_on_receipt(shop, headers))
    assert recovered["payment_hash"] == invoice["payment_hash"]
    assert recovered["access_token"] != invoice["access_token"]


async def test_a_code_opens_what_is_no_longer_for_sale(shop: Site) -> None:
    code = await buy_code(shop)
    await shop.call("PATCH", "/v1/admin/items/welcome", json={"state": "archived"}, headers=shop.operator)
    _, recovered = await recover(shop, code)
    headers = {"Authorization": f"Bearer {recovered['access_token']}"}
    assert (await shop.call("GET", CONTENT, headers=headers))[0] == 200


async def test_a_code_does_not_prolong_the_paid_time(shop: Site) -> None:
    await shop.call("PATCH", "/v1/admin/items/welcome", json={"access_seconds": 3600}, headers=shop.operator)
    code = await buy_code(shop)
    shop.clock.advance(3_000)
    _, early = await recover(shop, code)
    shop.clock.advance(700)
    _, late = await recover(shop, code)
    for recovered in (early, late):
        headers = {"Authorization": f"Bearer {recovered['access_token']}"}
        status, problem = await shop.call("POST", "/v1/items/welcome/links", headers=headers)
        assert (status, problem["code"]) == (402, "access_ended")
        assert (await shop.call("GET", "/v1/receipt", headers=headers))[1]["state"] == "settled"


async def test_a_tips_code_leads_to_its_receipt(shop: Site) -> None:
    _, tip = await shop.call("POST", "/v1/creators/bob/tips", json={"amount_msat": 21_000})
    await shop.settle(tip["payment_hash"])
    code = await code_on_receipt(shop, {"Authorization": f"Bearer {tip['access_token']}"})
    _, recovered = await recover(shop, code)
    assert (recovered["item_id"], recovered["tip_to"]) == (None, "bob")


async def test_an_unknown_code_and_a_malformed_one_change_nothing(shop: Site) -> None:
    before = shop.dump()
    status, problem = await recover(shop, UNKNOWN)
    assert (status, problem["code"]) == (404, "recovery_unknown")
    status, problem = await recover(shop, "not a code")
    assert (status, problem["code"]) == (422, "recovery_code_malformed")
    assert shop.dump() == before


async def test_guessing_is_refused_and_says_when_to_come_back(shop: Site) -> None:
    code = await buy_code(shop)
    assert [(await recover(shop, UNKNOWN))[0] for _ in range(5)] == [404] * 5
    async with shop.session.post(f"{shop.url}{RECOVERIES}", json={"code": code}) as response:
        problem = await response.json(content_type=None)
        assert (response.status, problem["code"]) == (429, "too_many_tries")
        wait_seconds = int(response.headers["Retry-After"])
    assert (await recover(shop, "not a code"))[0] == 422, "what is no code is no guess"
    shop.clock.advance(wait_seconds)
    assert (await recover(shop, code))[0] == 200


# Without script -------------------------------------------------------------------------------------------------------


async def test_a_form_and_a_code_open_the_page_and_the_receipt(shop: Site, browser: Browser) -> None:
    code = await buy_code(shop)
    _, form = await browser.get("/recover")
    assert 'action="/recover"' in form
    assert (await browser.submit("/recover", {"code": code}))[0] == 303
    _, page = await browser.get("/i/welcome")
    assert "paid part" in page
    _, receipt = await browser.get("/r")
    assert code in receipt
    assert "70 sat" in receipt


async def test_a_form_with_a_code_leads_to_its_receipt_among_several(shop: Site, browser: Browser) -> None:
    codes = [await buy_code(shop, item_id) for item_id in ("welcome", "other", "welcome")]
    for code in codes:
        url = f"{shop.url}/recover?lang=ko"
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}
        async with shop.session.post(url, data={"code": code}, headers=headers, allow_redirects=False) as response:
            browser.cookies |= {name: cookie.value for name, cookie in response.cookies.items()}
            place = response.headers["Location"]
        assert re.fullmatch(r"/r\?h=[0-9a-f]{64}&lang=ko", place)
        _, receipt = await browser.get(place)
        assert code in receipt
        assert '<html lang="ko">' in receipt


@pytest.mark.parametrize(
    ("typed", "status", "words"),
    [(UNKNOWN, 404, "compare it with the receipt"), ("what", 422, "twelve letters and digits"), ("", 422, "twelve")],
)
async def test_a_wrong_code_is_asked_for_again(browser: Browser, typed: str, status: int, words: str) -> None:
    answered, page = await browser.submit("/recover", {"code": typed})
    assert answered == status
    assert words in page
    assert 'name="code"' in page
    assert browser.cookies == {}


async def test_a_flood_of_forms_is_refused_on_the_page(browser: Browser) -> None:
    for _ in range(5):
        await browser.submit("/recover", {"code": UNKNOWN})
    status, page = await browser.submit("/recover", {"code": UNKNOWN})
    assert (status, "too many tries" in page) == (429, True)


async def test_a_form_from_elsewhere_recovers_nothing(shop: Site, browser: Browser) -> None:
    code = await buy_code(shop)
    status, _ = await browser.submit("/recover", {"code": code}, Origin="https://evil.example")
    assert (status, browser.cookies) == (403, {})


async def test_a_thanked_tip_keeps_its_receipt(shop: Site, browser: Browser) -> None:
    await browser.submit("/t/bob", {"amount": "21"})
    _, waiting = await browser.get("/t/bob")
    await shop.settle(payment_hash(waiting))
    _, thanks = await browser.get("/t/bob")
    (place,) = re.findall(r'href="(/r\?h=[0-9a-f]{64})#', thanks)
    _, receipt = await browser.get(place)
    assert "A tip for Bob" in receipt
    assert "Recovery code" in receipt


# The receipt's page ---------------------------------------------------------------------------------------------------


async def test_the_page_shows_the_receipt_of_the_token_that_a_script_presents(shop: Site) -> None:
    invoice, headers = await shop.buy("welcome")
    assert (await shop.call("GET", "/r", headers=headers))[0] == 202
    preimage = await shop.settle(invoice["payment_hash"])
    status, page = await shop.call("GET", "/r?lang=de", headers=headers)
    assert status == 200
    for part in (preimage, invoice["payment_hash"], "70 sat", "30 sat", "Öffnen", await code_on_receipt(shop, headers)):
        assert part in page
    assert f"/r#{invoice['access_token']}" in page.replace("&#43;", "+").replace("&#x2F;", "/")


@pytest.mark.parametrize("authorization", ["Bearer x", "Bearer AgEDbG5k", "Basic x", ""])
async def test_the_page_shows_nothing_for_a_token_that_is_none(shop: Site, authorization: str) -> None:
    await buy_code(shop)
    status, page = await shop.call("GET", "/r", headers={"Authorization": authorization})
    assert 400 <= status < 500
    assert "sat</" not in page


async def test_a_receipt_of_paid_time_says_when_it_ends(shop: Site) -> None:
    await shop.call("PATCH", "/v1/admin/items/welcome", json={"access_seconds": 86_400}, headers=shop.operator)
    invoice, headers = await shop.buy("welcome")
    await shop.settle(invoice["payment_hash"])
    _, page = await shop.call("GET", "/r", headers=headers)
    assert "Open until" in page
    assert "16 January 2027, 08:00 UTC" in page
