"""A sealed page on a site of its own: a payment opens it in place, wherever it was made, and nothing else does."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, expect

from gateway.catalog.sealed_key import read_key
from gateway.cli.sealing.jwe import seal
from gateway.cli.sealing.page import read_page, write_page
from tests.browser.reader import DESKTOP, TOLD_VIOLATIONS, Reader
from tests.browser.visitor import KEEP_EVENTS, Visitor
from tests.support.site import Site, serve_app

PAID = "<h2>Further</h2><p>The paid words, <em>ünd</em> their markup.</p><template>kept</template>"
PAGE = """<!doctype html><html lang="en"><head><title>An essay</title>
<script type="module" src="{gateway}/embed/v1.js" async></script></head>
<body><h1>An essay</h1>
<tuppence-paywall item="{item}">
  <div slot="preview"><p>The free beginning.</p></div>
  <template data-paid>{paid}</template>
  <a href="{gateway}/i/essay">Read the rest</a>
</tuppence-paywall></body></html>"""
POLICY = "default-src 'none'; script-src {gateway}; connect-src {gateway}"


@dataclass(slots=True)
class Blog:
    """A static site that sells sealed pages through a gateway elsewhere."""

    site: Site
    url: str = ""
    pages: dict[str, str] = field(default_factory=dict)

    async def sells(self, item_id: str = "essay", **fields: Any) -> str:
        """Put a sealed page on sale; gives what stands sealed in it."""
        sealed = {"page_url": f"{self.url}/{item_id}", "word_count": 8}
        new = {"id": item_id, "creator": "alice", "price_msat": 50_000, "title": "An essay", "sealed": sealed} | fields
        status, added = await self.site.call("POST", "/v1/admin/items", json=new, headers=self.site.operator)
        assert status == 201, added
        path = f"/v1/admin/items/{item_id}/content"
        _, jwk = await self.site.call("GET", path, headers=self.site.operator)
        source = PAGE.format(gateway=self.site.url, item=item_id, paid=PAID)
        one = seal(PAID, read_key(jwk), item_id=item_id)
        self.pages[item_id] = write_page(read_page(source), lambda _: one)
        return one

    async def serve(self, request: web.Request) -> web.Response:
        """A page, under a policy that lets nothing in but the gateway."""
        policy = POLICY.format(gateway=self.site.url)
        text = self.pages.get(request.match_info["name"])
        if text is None:
            return web.Response(status=204)
        return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": policy})


@pytest_asyncio.fixture(loop_scope="session")
async def blog(site: Site) -> AsyncIterator[Blog]:
    """A blog that sells `essay`."""
    blog = Blog(site)
    app = web.Application()
    app.router.add_get("/{name}", blog.serve)
    async with serve_app(app) as url:
        blog.url = url.replace("127.0.0.1", "localhost")
        await blog.sells()
        yield blog


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(browser: Browser, blog: Blog) -> AsyncIterator[Visitor]:
    """Somebody at the blog."""
    context = await browser.new_context(**DESKTOP)
    for part in (TOLD_VIOLATIONS, KEEP_EVENTS):
        await context.add_init_script(part)
    visitor = Visitor(context, await context.new_page(), blog.url, blog.site.url)
    yield visitor
    await context.close()
    assert visitor.complaints == []


async def pays(visitor: Visitor, blog: Blog) -> None:
    """Tap, and pay from elsewhere."""
    await visitor.is_in("offered")
    invoice = await visitor.tap()
    await blog.site.settle(invoice["payment_hash"])


async def paid(blog: Blog) -> tuple[str, dict[str, str]]:
    """The token of a payment that was made elsewhere, and headers that present it."""
    invoice, headers = await blog.site.buy("essay")
    await blog.site.settle(invoice["payment_hash"])
    return invoice["access_token"], headers


async def reads(visitor: Visitor) -> None:
    """The paid part is there once, after the preview, with its markup and without the script that it might hold."""
    await visitor.is_in("open")
    await expect(visitor.paywall.locator(".tuppence-content em")).to_have_text("ünd")
    await expect(visitor.page.get_by_text("The paid words,")).to_have_count(1)
    await expect(visitor.page.get_by_text("The free beginning.")).to_be_visible()


async def test_a_payment_opens_it_in_place_and_it_stays_open(visitor: Visitor, blog: Blog) -> None:
    await visitor.page.goto(f"{blog.url}/essay")
    assert "paid words" not in await visitor.page.content()
    await pays(visitor, blog)
    await reads(visitor)
    await expect(visitor.page.locator(".tuppence-content")).to_be_focused()
    assert len(await visitor.told("unlocked")) == 1
    await visitor.page.reload()
    await reads(visitor)


async def test_a_page_that_was_changed_says_so_and_keeps_the_purchase(visitor: Visitor, blog: Blog) -> None:
    sealed = await blog.sells("other")
    whole = blog.pages["other"]
    blog.pages["other"] = whole.replace(sealed, sealed[:-9] + "AAAAAAAAA")
    await visitor.page.goto(f"{blog.url}/other")
    await pays(visitor, blog)
    alert = visitor.paywall.get_by_role("alert")
    await expect(alert).to_contain_text("does not open with the key that you paid for. Your payment is kept")
    await expect(visitor.paywall.get_by_role("link", name="Receipt")).to_be_visible()
    assert [error["code"] for error in await visitor.told("error")] == ["seal_broken"]
    assert await visitor.told("unlocked") == []
    blog.pages["other"] = whole
    await visitor.page.reload()
    await reads(visitor)


async def test_without_script_the_gateways_page_leads_to_it(browser: Browser, visitor: Visitor, blog: Blog) -> None:
    context = await browser.new_context(**DESKTOP, java_script_enabled=False)
    reader = Reader(context, await context.new_page(), blog.site.url)
    await reader.open("/i/essay")
    await expect(reader.page.get_by_text("The text stands sealed in its own page")).to_be_visible()
    await reader.page.locator("#offer button.pay").click()
    request = await reader.page.locator("#request").input_value()
    _, invoices = blog.site.core, blog.site.dump()["invoices"]
    await blog.site.settle(str(next(row[0] for row in invoices if request in row)))
    way = reader.page.get_by_role("link", name="Open it in its page")
    await expect(way).to_be_visible()
    link = await way.get_attribute("href") or ""
    await context.close()
    assert link.startswith(f"{blog.url}/essay#tuppence=")
    await visitor.page.goto(link)
    await reads(visitor)
    assert visitor.page.url == f"{blog.url}/essay"
    await visitor.page.reload()
    await reads(visitor)
    await expect(visitor.page).to_have_url(f"{blog.url}/essay")


async def test_a_link_that_stays_in_the_history_opens_once_and_then_shows_what_is_for_sale(
    visitor: Visitor, blog: Blog
) -> None:
    _, headers = await paid(blog)
    link = (await blog.site.call("GET", "/v1/receipt", headers=headers))[1]["page_url"]
    await visitor.page.goto(link)
    await reads(visitor)
    visitor.expects("404")
    # Somebody else at this browser, to whom it suggests the address.
    await visitor.page.evaluate("localStorage.clear()")
    await visitor.page.goto("about:blank")
    async with visitor.page.expect_response("**/v1/recoveries") as refused:
        await visitor.page.goto(link)
    assert (await refused.value).status == 404
    await visitor.is_in("offered")
    assert visitor.page.url == f"{blog.url}/essay"
    assert await visitor.told("error") == []
    await visitor.tap()
    await expect(visitor.sheet.get_by_text("Paid before?")).to_be_visible()


async def test_a_link_that_is_followed_where_it_is_open_already_is_used_up_too(visitor: Visitor, blog: Blog) -> None:
    _, headers = await paid(blog)
    links = [(await blog.site.call("GET", "/v1/receipt", headers=headers))[1]["page_url"] for _ in range(2)]
    await visitor.page.goto(links[0])
    await reads(visitor)
    async with visitor.page.expect_response("**/v1/recoveries") as used:
        await visitor.page.goto(links[1])
    assert (await used.value).status == 200
    await visitor.page.wait_for_url(f"{blog.url}/essay")
    await reads(visitor)


async def test_a_link_of_before_with_its_token_opens(visitor: Visitor, blog: Blog) -> None:
    token, _ = await paid(blog)
    await visitor.page.goto(f"{blog.url}/essay#tuppence={token}")
    await reads(visitor)
    assert visitor.page.url == f"{blog.url}/essay"


async def test_a_purchase_made_where_the_text_is_not_leads_to_it(visitor: Visitor, blog: Blog) -> None:
    blog.pages["list"] = blog.pages["essay"].replace(" sealed=", " was=")
    await visitor.page.goto(f"{blog.url}/list")
    await pays(visitor, blog)
    await visitor.paywall.get_by_role("link", name="Open it in its page").click()
    await visitor.page.wait_for_url(f"{blog.url}/essay")
    await reads(visitor)


async def test_a_copy_on_another_site_sells_nothing_and_shows_the_way(visitor: Visitor, blog: Blog) -> None:
    await blog.sells("kept", allowed_origins=["https://blog.example"])
    visitor.expects("403")
    await visitor.page.goto(f"{blog.url}/kept")
    await visitor.is_in("offered")
    await visitor.tap()
    await expect(visitor.status).to_have_text(
        "This site may not sell this. Nothing was charged; buy it in its own page."
    )
    assert [error["code"] for error in await visitor.told("error")] == ["origin_not_allowed"]
    async with visitor.context.expect_page() as opened:
        await visitor.sheet.get_by_role("button", name="Go to its own page").click()
    assert (await opened.value).url == f"{blog.site.url}/i/kept"
