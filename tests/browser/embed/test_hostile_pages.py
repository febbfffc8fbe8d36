"""Pages that take away or change what the elements stand on: they work, or say what is wrong before they are paid."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import expect

from tests.browser.conftest import NewVisitor
from tests.browser.running_demo import RunningDemo
from tests.browser.visitor import Visitor
from tests.support.site import serve_app

NOT_SHOWN = "This page cannot show what you would buy. Nothing was charged; buy it in its own page."
FORGETS = "This browser keeps nothing for this page."
TRUSTED = "require-trusted-types-for 'script'"
# A page's own names, where the elements look for those of the browser.
NAMES = {
    "a heading": '<h2 id="webln">Paying with WebLN</h2>',
    "two of them": '<h2 id="webln">WebLN</h2><h2 id="webln">WebLN</h2>',
    "a form": '<form id="webln"><input name="enable"><input name="sendPayment"></form>',
    "a frame": '<iframe name="webln" src="about:blank"></iframe>',
    "the document's own": "".join(f'<img name="{name}" alt="">' for name in ("hidden", "head", "createElement")),
    "what is not everywhere": '<p id="trustedTypes"></p><p id="localStorage"></p><p id="tuppence"></p>',
}
LIBRARIES = {
    "toJSON": """
      for (const one of [Array, String, Number, Object]) Object.defineProperty(one.prototype, "toJSON", {
        configurable: true, value() { return "changed"; },
      });""",
    "for in": "Object.prototype.extend = Array.prototype.each = function () {};",
    "Array.from": "Array.from = (item) => [item]; Array.prototype.reduce = function () { return this[0]; };",
    "Event": "window.Event = function Event() {};",
    "bind": "Function.prototype.bind = function () { return () => undefined; };",
}
STORAGES = {
    "is full": "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };",
    "is not allowed": """Object.defineProperty(window, "localStorage", {
      get() { throw new DOMException("denied", "SecurityError"); },
    });""",
    "is not there": 'Object.defineProperty(window, "localStorage", { value: undefined });',
    "forgets in silence": "Storage.prototype.setItem = () => {};",
}
WALLET = "window.asked = 0; window.webln = { enable: async () => { window.asked++; }, sendPayment: async () => {} };"

PAGE = """<!doctype html><html lang="en"><head><title>A page</title>
<script type="module" src="{gateway}/embed/v1.js" async></script></head>
<body>{markup}<h1>A page</h1>
<tuppence-paywall item="welcome"><a href="{gateway}/i/welcome">Read the rest</a></tuppence-paywall></body></html>"""


@dataclass(slots=True)
class Page:
    """A page of somebody else's, under a policy of its own."""

    gateway: str
    policy: str = ""
    markup: str = ""

    async def serve(self, _: web.Request) -> web.Response:
        """GET anything."""
        text = PAGE.format(gateway=self.gateway, markup=self.markup)
        return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": self.policy})


@pytest_asyncio.fixture(loop_scope="session")
async def page(demo: RunningDemo, visitor: Visitor) -> AsyncIterator[Page]:
    """Where the visitor is."""
    page = Page(demo.url)
    app = web.Application()
    app.router.add_get("/{path:.*}", page.serve)
    async with serve_app(app) as url:
        visitor.press = url.replace("127.0.0.1", "localhost")
        yield page


async def opens(visitor: Visitor, demo: RunningDemo) -> None:
    """Buy the essay by its code, and find it again."""
    invoice = await visitor.tap()
    await visitor.is_scannable()
    await expect(visitor.status).to_have_text("Waiting for your payment")
    assert await demo.pay(invoice["payment_request"]) == 200
    await visitor.is_open()
    await visitor.open()
    await visitor.is_open()
    assert len(visitor.posts) == 1


@pytest.mark.parametrize("name", NAMES)
async def test_what_only_has_the_name_is_not_taken_for_it(
    visitor: Visitor, demo: RunningDemo, page: Page, name: str
) -> None:
    page.markup = NAMES[name]
    await visitor.open()
    await opens(visitor, demo)


@pytest.mark.parametrize("name", LIBRARIES)
async def test_a_library_that_changes_prototypes_changes_no_payment(
    new_visitor: NewVisitor, demo: RunningDemo, name: str
) -> None:
    visitor = await new_visitor(script=LIBRARIES[name])
    await visitor.open()
    await opens(visitor, demo)


async def test_a_page_that_demands_trusted_types_shows_code_and_text(
    visitor: Visitor, demo: RunningDemo, page: Page
) -> None:
    page.policy = f"{TRUSTED}; trusted-types other tuppence"
    await visitor.open()
    await opens(visitor, demo)


@pytest.mark.parametrize("policy", [f"{TRUSTED}; trusted-types other", f"{TRUSTED}; trusted-types 'none'"])
async def test_a_page_that_could_not_show_it_says_so_before_anything_is_paid(
    visitor: Visitor, page: Page, policy: str
) -> None:
    visitor.expects("policy", "TrustedHTML", "trusted")
    page.policy = policy
    await visitor.open()
    await visitor.page.locator("tuppence-paywall button.pay").click()
    await expect(visitor.status).to_have_text(NOT_SHOWN)
    assert visitor.posts == []
    assert (await visitor.told("error"))[0]["code"] == "page_cannot_show"
    async with visitor.context.expect_page() as opening:
        await visitor.sheet.get_by_role("button", name="Go to its own page").click()
    await expect(await opening.value).to_have_url(f"{visitor.gateway}/i/welcome")


@pytest.mark.parametrize("storage", STORAGES)
async def test_what_cannot_be_kept_is_said_first_and_there_is_one_invoice(
    new_visitor: NewVisitor, demo: RunningDemo, storage: str
) -> None:
    visitor = await new_visitor(script=WALLET + STORAGES[storage])
    await visitor.open()
    invoice = await visitor.tap()
    await visitor.is_scannable()
    await expect(visitor.sheet.get_by_text(FORGETS)).to_be_visible()
    assert await visitor.page.evaluate("() => window.asked") == 0, "no wallet is asked before the reader has read that"
    for _ in range(2):
        await visitor.page.keyboard.press("Escape")
        await visitor.page.locator("tuppence-paywall button.pay").click()
        await visitor.is_scannable()
    assert len(visitor.posts) == 1
    await visitor.sheet.get_by_role("button", name="Open wallet").click()
    await visitor.page.wait_for_function("() => window.asked === 1")
    assert await demo.pay(invoice["payment_request"]) == 200
    await visitor.is_open()


async def test_a_tip_needs_nothing_kept(new_visitor: NewVisitor) -> None:
    visitor = await new_visitor(script=STORAGES["is full"])
    await visitor.open()
    await visitor.tap("tuppence-tip")
    await visitor.is_scannable()
    await expect(visitor.sheet.get_by_text(FORGETS)).to_be_hidden()


async def test_a_sandboxed_page_sells_and_warns(visitor: Visitor, demo: RunningDemo, page: Page) -> None:
    page.policy = "sandbox allow-scripts"
    await visitor.page.goto(visitor.press)
    box = visitor.page
    async with visitor.page.expect_response("**/invoices") as answered:
        await box.locator("tuppence-paywall button.pay").click()
    invoice = await (await answered.value).json()
    await expect(box.locator("dialog[open] svg.code")).to_be_visible()
    await expect(box.get_by_text(FORGETS)).to_be_visible()
    assert await demo.pay(invoice["payment_request"]) == 200
    await expect(box.locator("tuppence-paywall")).to_contain_text("Closed tabs like mine are everywhere")


BREAKS = {
    "random numbers": "Object.defineProperty(crypto, 'getRandomValues', { value() { throw new Error('gone'); } });",
    "what is stored": "Storage.prototype.getItem = (key) => key.includes('welcome') ? '[null, 1, {}, []]' : null;",
    "the clock": "document.addEventListener('tuppence-ready', () => { Date.now = () => { throw new Error('no'); }; });",
}


@pytest.mark.parametrize("name", BREAKS)
async def test_no_exception_leaves_an_empty_sheet(new_visitor: NewVisitor, name: str) -> None:
    visitor = await new_visitor(script=BREAKS[name])
    visitor.expects("no", "gone")
    await visitor.open()
    await visitor.page.locator("tuppence-paywall button.pay").click()
    told = visitor.page.locator("dialog.sheet .status, tuppence-paywall .line").filter(has_text=re.compile("[a-z]"))
    await expect(told).to_have_count(1)
    await expect(visitor.page.get_by_role("button", name=re.compile("Try again|Pay 100 sat")).first).to_be_visible()
