"""Which pages a browser may keep for going back: the offers that no token had a part in, and no others."""

import pytest

from tests.support.site import Site
from tests.web.pages.test_purchases import PAGE, PAID_PART, TEXT, payment_hash

OFFERS = ["/i/welcome", "/t/alice"]


@pytest.mark.parametrize("path", OFFERS)
async def test_a_browser_may_keep_an_offer_and_no_shared_cache_may(site: Site, path: str) -> None:
    await site.sell_text(TEXT)
    async with site.session.get(f"{site.url}{path}", headers=PAGE) as response:
        assert response.headers["Cache-Control"] == "private, no-cache"
        assert response.headers["Vary"] == "Accept-Language, Cookie"
        assert PAID_PART not in await response.text()


@pytest.mark.parametrize("path", OFFERS)
async def test_no_cache_keeps_a_page_of_somebody_who_holds_a_token(site: Site, path: str) -> None:
    await site.sell_text(TEXT)
    form = {"amount": "100"} if path.startswith("/t/") else {}
    async with site.session.post(f"{site.url}{path}", data=form, headers=PAGE, allow_redirects=False) as response:
        assert response.status == 303
        assert response.headers["Cache-Control"] == "no-store"
        cookie = "; ".join(f"{name}={kept.value}" for name, kept in response.cookies.items())
    holder = PAGE | {"Cookie": cookie}
    async with site.session.get(f"{site.url}{path}", headers=holder) as response:
        assert response.headers["Cache-Control"] == "no-store"
        invoice = payment_hash(await response.text())
    await site.settle(invoice)
    async with site.session.get(f"{site.url}{path}", headers=holder) as response:
        assert response.headers["Cache-Control"] == "no-store"
        assert 'data-state="open"' in await response.text()


@pytest.mark.parametrize("path", ["/r", "/recover", "/i/nothing", "/v1/items/welcome/content"])
async def test_no_cache_keeps_any_other_page(site: Site, path: str) -> None:
    await site.sell_text(TEXT)
    async with site.session.get(f"{site.url}{path}", headers=PAGE) as response:
        assert response.headers["Cache-Control"] == "no-store"
