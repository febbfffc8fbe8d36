"""A reader with a browser: what they do, and what must be true of every page they see."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from playwright.async_api import BrowserContext, Locator, Page, Request, expect

# Words of the essay behind the wall: its first paid sentence, and its last.
# Codes are tried five times a minute from one network; this is another.
ELSEWHERE = {"extra_http_headers": {"X-Forwarded-For": "198.51.100.7"}}
PAID_WORDS = ("Closed tabs like mine are everywhere", "On Sunday I hemmed the kitchen curtains.")
ESSAY = f"# A little\n\nThe free part.\n\n<!-- more -->\n\n{' '.join(PAID_WORDS)}"
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
SMALL_PHONE: dict[str, Any] = PHONE | {"viewport": {"width": 320, "height": 568}}
TOLD_VIOLATIONS = """
addEventListener("securitypolicyviolation", (e) => console.error("policy", e.violatedDirective, e.blockedURI));
"""


class Reader:
    """One browser context with one page. What goes wrong on the way is collected in `complaints`."""

    def __init__(self, context: BrowserContext, page: Page, url: str) -> None:
        self.context, self.page, self.url = context, page, url
        self.requests: list[Request] = []
        self.complaints: list[str] = []
        self._expected: tuple[str, ...] = ()
        context.on("request", self._note_request)
        context.on("console", lambda message: self._complain(message.text) if message.type == "error" else None)
        context.on("weberror", lambda error: self._complain(str(error.error)))

    @property
    def sale(self) -> Locator:
        """The part of the page that sells."""
        return self.page.locator("#sale")

    @property
    def sheet(self) -> Locator:
        """The open sheet."""
        return self.page.locator("dialog.sheet[open]")

    @property
    def status(self) -> Locator:
        """The sheet's line of status."""
        return self.sheet.locator(".status")

    @property
    def line(self) -> Locator:
        """The page's own line of status."""
        return self.page.locator("#status")

    @property
    def text(self) -> Locator:
        """The article, before and after."""
        return self.page.locator("#text")

    def expects(self, *parts: str) -> None:
        """Errors that this test brings about itself."""
        self._expected += parts

    async def open(self, path: str) -> None:
        """Go there."""
        await self.page.goto(f"{self.url}{path}")

    async def close_tab(self) -> None:
        """Close the tab; the browser stays."""
        await self.page.close()

    async def open_tab(self, path: str) -> None:
        """Go there in a tab of its own."""
        self.page = await self.context.new_page()
        await self.open(path)

    async def press_pay(self) -> dict[str, Any]:
        """Ask for an invoice, wait until it can be scanned; gives it as the server did."""
        return await self._ask(self.page.locator("#offer button.pay"))

    async def try_again(self) -> dict[str, Any]:
        """The same in the sheet, after it has failed."""
        return await self._ask(self.sheet.get_by_role("button", name="Try again"))

    async def _ask(self, button: Locator) -> dict[str, Any]:
        async with self.page.expect_response(_is_invoice) as answered:
            await button.click()
        invoice: dict[str, Any] = await (await answered.value).json()
        await self.is_scannable()
        await expect(self.sheet.locator(".request")).to_have_value(invoice["payment_request"])
        return invoice

    async def is_scannable(self) -> None:
        """Wait for the code."""
        await expect(self.sheet.locator("svg.code")).to_be_visible()

    async def buy_without_script(self, pay: Callable[[str], Awaitable[int]]) -> None:
        """Pay for the essay by the page's form, and go to its receipt."""
        await self.open("/i/welcome")
        await self.page.locator("#offer button.pay").click()
        assert await pay(await self.page.get_by_label("Lightning invoice, to copy").input_value()) == 200
        await self.page.reload()
        await self.page.locator("#receipt").click()

    async def press_wallet(self) -> None:
        """Pay with the demo's wallet."""
        await self.page.locator("#demo-pay").click()

    async def is_in(self, *states: str) -> None:
        """Wait for a state of the page, or a step of its sheet."""
        any_of = [f"#sale[data-state={state}], dialog.sheet[open][data-step={state}]" for state in states]
        await expect(self.page.locator(", ".join(any_of))).not_to_have_count(0)

    async def is_open(self) -> None:
        """Wait for the essay."""
        await self.is_in("open")
        for words in PAID_WORDS:
            await expect(self.text).to_contain_text(words)

    async def balance_sat(self) -> int:
        """What the wallet's panel says."""
        return int((await self.page.locator("#demo-balance").inner_text()).replace(",", ""))

    async def stored(self) -> str:
        """Everything that the page keeps in this browser."""
        return json.dumps(await self.page.evaluate("() => [{...localStorage}, {...sessionStorage}, document.cookie]"))

    async def come_back(self, event: str = "visibilitychange") -> None:
        """Return to the page, as a browser tells it."""
        await self.page.evaluate("(name) => document.dispatchEvent(new Event(name, { bubbles: true }))", event)

    def posts(self) -> list[str]:
        """The paths that were posted to."""
        return [request.url.removeprefix(self.url) for request in self.requests if request.method == "POST"]

    def _note_request(self, request: Request) -> None:
        self.requests.append(request)
        if not request.url.startswith((f"{self.url}/", "data:")):
            self._complain(f"a request left for {request.url}")

    def _complain(self, words: str) -> None:
        if not any(part in words for part in self._expected):
            self.complaints.append(words)


def _is_invoice(response: Any) -> bool:
    return bool(response.request.method == "POST" and response.url.endswith(("/invoices", "/tips")))
