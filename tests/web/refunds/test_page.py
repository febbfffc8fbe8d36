"""The receipt page offers a refund and claims it by its form, by cookie or by the token of a receipt link."""

import re
from html import unescape

import pytest

from gateway.payouts.refunds import OFFERED_SECONDS
from gateway.wire.lnurl.addresses import read_lnurl
from tests.web.pages.test_purchases import Browser, payment_hash
from tests.web.refunds.conftest import Headers, Shop

FORM = 'id="claim" method="post" novalidate action="(/r[^"]*)"'


async def refunded_in_a_browser(shop: Shop) -> tuple[Browser, str]:
    """A browser that bought the text there, and the path of the receipt whose payment was refunded."""
    browser = Browser(shop.site)
    await browser.submit("/i/welcome")
    hash_ = payment_hash((await browser.get("/i/welcome"))[1])
    await shop.site.settle(hash_)
    await shop.refund(hash_)
    return browser, f"/r?h={hash_}"


async def post(shop: Shop, page: str, headers: Headers, destination: str) -> tuple[int, str]:
    """What a script that holds the token gets for the form of a page."""
    [action] = re.findall(FORM, page)
    form = {"destination": destination}
    return await shop.site.call("POST", unescape(action), data=form, headers=headers | {"Origin": shop.site.url})


async def test_a_receipt_without_a_refund_speaks_of_none(shop: Shop) -> None:
    _, headers = await shop.bought()
    _, page = await shop.site.call("GET", "/r", headers=headers)
    assert 'id="refund"' not in page
    assert 'id="item"' in page


async def test_the_page_shows_the_refund_its_code_and_its_form(shop: Shop) -> None:
    _, headers = await shop.refunded()
    _, receipt = await shop.site.call("GET", "/v1/receipt", headers=headers)
    _, page = await shop.site.call("GET", "/r", headers=headers)
    assert "Take your 100 sat back by 15 January 2028" in page
    [lnurl] = re.findall(r'href="lightning:(lnurl1[a-z0-9]+)"', page)
    assert lnurl == receipt["refund"]["lnurl"]
    assert read_lnurl(lnurl).startswith(shop.site.gateway.config.public_url)
    assert 'id="refund-qr"' in page
    assert re.search(FORM, page)
    assert 'id="item"' not in page, "what was bought is closed"


async def test_a_form_and_a_cookie_are_enough_to_be_paid_back(shop: Shop) -> None:
    browser, path = await refunded_in_a_browser(shop)
    _, page = await browser.get(path)
    [action] = re.findall(FORM, page)
    assert unescape(action) == path
    assert (await browser.submit(path, {"destination": shop.address}))[0] == 303
    _, page = await browser.get(path)
    assert "100 sat are on their way to your wallet." in page
    assert '<meta http-equiv="refresh"' in page
    await shop.is_in(path.removeprefix("/r?h="), "claimed")
    _, page = await browser.get(path)
    assert "100 sat were paid back to your wallet." in page
    assert not re.search(FORM, page)
    assert "refresh" not in page
    assert shop.received_sat() == 100


async def test_a_script_claims_with_the_token_of_the_link(shop: Shop) -> None:
    hash_, headers = await shop.refunded()
    _, page = await shop.site.call("GET", "/r", headers=headers)
    status, page = await post(shop, page, headers, shop.invoice())
    assert (status, 'data-refund="claiming"' in page) == (200, True)
    await shop.is_in(hash_, "claimed")


@pytest.mark.parametrize(
    ("destination", "status", "words"),
    [
        ("", 422, "no whole invoice or Lightning Address"),
        ("<b>&quot;", 422, "no whole invoice or Lightning Address"),
        ("lnbc1", 422, "no whole invoice or Lightning Address"),
        (99_000, 409, "make one for exactly 100 sat"),
        (0, 422, "make one for exactly 100 sat"),
    ],
)
async def test_what_cannot_be_paid_is_asked_for_again(
    shop: Shop, destination: str | int, status: int, words: str
) -> None:
    browser, path = await refunded_in_a_browser(shop)
    typed = destination if isinstance(destination, str) else shop.invoice(destination)
    answered, page = await browser.submit(path, {"destination": typed})
    assert (answered, words in page) == (status, True)
    assert re.search(FORM, page)
    assert not typed or f'value="{typed}"' in unescape(page)
    assert "<b>" not in page


async def test_a_form_from_elsewhere_or_without_the_receipt_claims_nothing(shop: Shop) -> None:
    browser, path = await refunded_in_a_browser(shop)
    form = {"destination": shop.invoice()}
    assert (await browser.submit(path, form, Origin="https://evil.example"))[0] == 403
    assert (await Browser(shop.site).submit(path, form))[0] == 401
    assert (await browser.submit(f"/r?h={'0' * 64}", form))[0] == 401
    assert (await browser.submit("/r", form))[0] == 401
    assert (await shop.row(path.removeprefix("/r?h="))).state.value == "offered"


async def test_a_page_with_the_form_lets_the_browser_name_its_origin(shop: Shop) -> None:
    _, plain = await shop.bought()
    _, refunded = await shop.refunded()
    for headers, policy in ((plain, "no-referrer"), (refunded, "same-origin")):
        async with shop.site.session.get(f"{shop.site.url}/r", headers=headers) as response:
            assert response.headers["Referrer-Policy"] == policy


async def test_a_refund_that_nobody_took_is_said_to_be_over(shop: Shop) -> None:
    _, headers = await shop.refunded()
    shop.site.clock.advance(OFFERED_SECONDS)
    _, page = await shop.site.call("GET", "/r", headers=headers)
    assert "Nobody took this refund within a year." in page
    assert not re.search(FORM, page)


async def test_the_items_page_leads_to_the_receipt_of_a_refund(shop: Shop) -> None:
    browser, path = await refunded_in_a_browser(shop)
    _, page = await browser.get("/i/welcome")
    assert 'id="refunded">Your payment for this was refunded:' in page
    assert f'<a href="{path}">Receipt</a>' in page
    await browser.submit("/i/welcome")
    hash_ = payment_hash((await browser.get("/i/welcome"))[1])
    await shop.site.settle(hash_)
    await shop.refund(hash_)
    _, page = await browser.get("/i/welcome")
    assert f'refunded: <a href="/r?h={hash_}">Receipt</a> <a href="{path}">Receipt</a></p>' in page
    assert 'id="refunded" hidden' in (await Browser(shop.site).get("/i/welcome"))[1]
