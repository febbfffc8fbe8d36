"""A reader of somebody else's page, into which the gateway's elements are embedded."""

from typing import Any

from playwright.async_api import BrowserContext, Locator, Page, Request, expect

from tests.browser.reader import PAID_WORDS
from tests.support.qr_camera import codes_in

# What a page of another origin may read.
ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}
KEEP_EVENTS = """
window.told = [];
for (const name of ["ready", "invoice", "paid", "unlocked", "expired", "error"]) {
  document.addEventListener("tuppence-" + name, ({ detail }) => window.told.push([name, detail]));
}
"""
# On a busy machine the page's own masthead, set to the right, arrives word by word.
KEEP_SHIFTS = """
window.shifted = 0;
const ours = ({ node }) => !node?.parentElement?.closest(".masthead");
new PerformanceObserver((list) => {
  for (const { hadRecentInput, sources, value } of list.getEntries())
    if (!hadRecentInput && sources.some(ours)) window.shifted += value;
}).observe({ type: "layout-shift", buffered: true });
"""


class Visitor:
    """One page at `press`, an origin that is not the `gateway`'s. What goes wrong is collected in `complaints`."""

    def __init__(self, context: BrowserContext, page: Page, press: str, gateway: str) -> None:
        self.context, self.page, self.press, self.gateway = context, page, press, gateway
        self.complaints: list[str] = []
        self.posts: list[str] = []
        self._expected: tuple[str, ...] = ()
        context.on("request", self._note_request)
        context.on("console", lambda message: self._complain(message.text) if message.type == "error" else None)
        context.on("weberror", lambda error: self._complain(str(error.error)))

    @property
    def paywall(self) -> Locator:
        """The essay's element."""
        return self.page.locator("tuppence-paywall")

    @property
    def sheet(self) -> Locator:
        """The open sheet."""
        return self.page.locator("dialog.sheet[open]")

    @property
    def status(self) -> Locator:
        """The sheet's line of status."""
        return self.sheet.locator(".status")

    def expects(self, *parts: str) -> None:
        """Errors that a test brings about itself."""
        self._expected += parts

    async def open(self, query: str = "") -> None:
        """Go to the page and wait until it can be paid on."""
        await self.page.goto(f"{self.press}/demo/press?wallet=none{query}")
        await self.is_in("offered", "open")

    async def open_tab(self) -> None:
        """The page in a tab of its own."""
        self.page = await self.context.new_page()

    async def tap(self, element: str = "tuppence-paywall") -> dict[str, Any]:
        """Press the button and wait for the invoice; gives what the page is told of it."""
        async with self.page.expect_response(_is_invoice) as answered:
            await self.page.locator(f"{element} button.pay").click()
        invoice: dict[str, Any] = await (await answered.value).json()
        return invoice

    async def follow_connect(self) -> Page:
        """Go from the open sheet to the gateway's page of the same invoice, in a tab of its own."""
        async with self.context.expect_page() as opening:
            await self.sheet.get_by_role("link", name="Connect a wallet").click()
        hosted = await opening.value
        await expect(hosted.locator("[name=connection]")).to_be_visible()
        return hosted

    async def is_scannable(self) -> None:
        """Wait for the code."""
        await expect(self.sheet.locator("svg.code")).to_be_visible()

    async def is_in(self, *states: str, element: str = "tuppence-paywall") -> None:
        """Wait for a state of an element."""
        await expect(self.page.locator(f"{element}:is({','.join(f':state({s})' for s in states)})")).to_have_count(1)

    async def is_open(self) -> None:
        """Wait for the essay, whole, once, in its place."""
        await self.is_in("open")
        for words in PAID_WORDS:
            await expect(self.paywall).to_contain_text(words)
        await expect(
            self.page.get_by_text("I thought of the saucer last winter").and_(_visible(self.page))
        ).to_have_count(1)

    async def told(self, name: str) -> list[Any]:
        """The details of the events of a name, so far."""
        return [detail for told, detail in await self.page.evaluate("() => window.told") if told == name]

    async def come_back(self, event: str = "visibilitychange") -> None:
        """Return to the page, as a browser tells it."""
        await self.page.evaluate("(name) => document.dispatchEvent(new Event(name, { bubbles: true }))", event)

    async def scan(self) -> list[str]:
        """The texts of all codes in sight."""
        return codes_in(await self.page.screenshot(animations="disabled"))

    def _note_request(self, request: Request) -> None:
        if request.method == "POST":
            self.posts.append(request.url.removeprefix(self.gateway))
        if not request.url.startswith((f"{self.press}/", f"{self.gateway}/", "data:")):
            self._complain(f"a request left for {request.url}")

    def _complain(self, words: str) -> None:
        if not any(part in words for part in self._expected):
            self.complaints.append(words)


def _visible(page: Page) -> Locator:
    return page.locator(":visible")


def _is_invoice(response: Any) -> bool:
    return bool(response.request.method == "POST" and response.url.endswith(("/invoices", "/tips")))
