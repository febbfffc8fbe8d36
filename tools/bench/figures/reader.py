"""A reader's minute in a browser, on the demo: from tap to sheet, from payment to open text, and what it weighs."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, CDPSession, Page, async_playwright

from tests.browser.chromium import CHROMIUM, launch
from tests.browser.reader import DESKTOP
from tests.browser.running_demo import RunningDemo, open_demo
from tests.browser.visitor import KEEP_SHIFTS
from tools.bench.bench import Bench
from tools.bench.figure import Line, line_of

ROUNDS = 9
SHEET_MS, OPEN_MS, TICK_MS = 150, 300, 450
# Instants by name, in ms since 1970, taken at the frame that shows them.
SEEN = """
window.seen = {};
const instant = (at) => performance.timeOrigin + at;
addEventListener("click", ({ timeStamp }) => { seen.tap ??= instant(timeStamp); }, true);
const look = (now) => {
  for (const [name, isThere] of Object.entries(SIGNS)) if (!(name in seen) && isThere()) seen[name] = instant(now);
  requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""
SIGNS = """
const element = () => document.querySelector(TAG);
const inside = (what) => element()?.shadowRoot?.querySelector(what);
const SIGNS = {
  offer: () => element()?.matches(":state(offered)"),
  sheet: () => inside("dialog[open]"),
  code: () => inside("dialog[open] svg.code"),
  open: () => element()?.matches(":state(open)"),
  alone: () => element()?.matches(":state(open)") && !inside("dialog[open]"),
};
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """A page that sells the essay."""

    name: str
    path: str
    tag: str
    button: str


@dataclass(slots=True)
class Visit:
    """One reader with an empty cache; ms, bytes."""

    offer_bytes: float = 0
    whole_bytes: float = 0
    main_thread_ms: float = 0
    seen: Mapping[str, float] = field(default_factory=dict)
    paid_at: float = 0
    shift: float = 0

    def between(self, start: str, end: str) -> float:
        """From one instant to another."""
        return self.seen[end] - self.seen[start]


KINDS = (
    Kind("pay page", "/i/welcome", "tuppence-page", "#offer button.pay"),
    Kind("embed", "/demo/press?wallet=none", "tuppence-paywall", "tuppence-paywall button.pay"),
)


async def measure(bench: Bench) -> list[Line]:
    """Each round is a new browser profile; the wallet pays from elsewhere, while nobody touches the page."""
    if not Path(CHROMIUM).exists():
        bench.report("reader: left out, for want of chromium")
        return []
    folder = bench.folder / "reader"
    folder.mkdir(parents=True, exist_ok=True)
    lines: list[Line] = []
    async with open_demo(folder) as demo, async_playwright() as playwright, launch(playwright) as browser:
        for kind in KINDS:
            visits = []
            for number in range(ROUNDS + 1):
                bench.report(f"reader: {kind.name}, {number} of {ROUNDS}")
                visits.append(await _visit(browser, demo, kind))
            lines += _lines(kind, visits[1:])
    return lines


def _lines(kind: Kind, visits: list[Visit]) -> list[Line]:
    paid_to_open, paid_to_alone = ([visit.seen[name] - visit.paid_at for visit in visits] for name in ("open", "alone"))
    tap_to_sheet = [visit.between("tap", "sheet") for visit in visits]
    return [
        line_of(f"{kind.name}: tap to sheet", tap_to_sheet, "ms", at_most=SHEET_MS),
        line_of(f"{kind.name}: tap to QR code", [visit.between("tap", "code") for visit in visits], "ms"),
        line_of(f"{kind.name}: paid to open", paid_to_open, "ms", at_most=OPEN_MS, note="from the wallet's tap"),
        line_of(f"{kind.name}: paid to text without sheet", paid_to_alone, "ms", at_most=OPEN_MS + TICK_MS),
        line_of(f"{kind.name}: layout shift", [visit.shift for visit in visits], "", at_most=0),
        line_of(f"{kind.name}: main thread until it offers", [visit.main_thread_ms for visit in visits], "ms"),
        line_of(f"{kind.name}: transferred until it offers", [visit.offer_bytes / 1000 for visit in visits], "kB"),
        line_of(f"{kind.name}: transferred until it is open", [visit.whole_bytes / 1000 for visit in visits], "kB"),
    ]


async def _visit(browser: Browser, demo: RunningDemo, kind: Kind) -> Visit:
    visit = Visit()
    async with await browser.new_context(**DESKTOP) as context:
        for script in (KEEP_SHIFTS, SIGNS.replace("TAG", f'"{kind.tag}"') + SEEN):
            await context.add_init_script(script)
        page = await context.new_page()
        wire = await context.new_cdp_session(page)
        transferred = await _count_bytes(wire)
        await wire.send("Performance.enable")
        # A page that embeds us is of another origin.
        origin = demo.url.replace("127.0.0.1", "localhost") if kind.name == "embed" else demo.url
        await page.goto(f"{origin}{kind.path}", wait_until="load")
        await _until_seen(page, "offer")
        visit.main_thread_ms = 1000 * await _metric(wire, "TaskDuration")
        visit.offer_bytes = sum(transferred)
        async with page.expect_response(lambda response: response.url.endswith("/invoices")) as answered:
            await page.locator(kind.button).click()
        invoice = await (await answered.value).json()
        await _until_seen(page, "code")
        visit.paid_at = 1000 * time.time()
        await demo.pay(invoice["payment_request"])
        await _until_seen(page, "alone")
        visit.seen = await page.evaluate("() => window.seen")
        visit.shift = await page.evaluate("() => window.shifted")
        visit.whole_bytes = sum(transferred)
    return visit


async def _count_bytes(wire: CDPSession) -> list[float]:
    """As they travelled, headers and all; grows while the page loads."""
    transferred: list[float] = []

    def note(event: dict[str, Any]) -> None:
        transferred.append(event["encodedDataLength"])

    wire.on("Network.loadingFinished", note)
    await wire.send("Network.enable")
    return transferred


async def _metric(wire: CDPSession, name: str) -> float:
    metrics = (await wire.send("Performance.getMetrics"))["metrics"]
    return float(next(metric["value"] for metric in metrics if metric["name"] == name))


async def _until_seen(page: Page, name: str) -> None:
    async with asyncio.timeout(15):
        await page.wait_for_function("(name) => name in window.seen", arg=name)
