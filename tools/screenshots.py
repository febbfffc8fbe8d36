"""Pictures of the embed for the README, and one of every state: `make screenshots`."""

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from gateway.demo.embed_states import STATES
from tests.browser.chromium import launch
from tests.browser.reader import DESKTOP, PHONE
from tests.browser.running_demo import open_demo

DOCS = Path(__file__).parents[1] / "docs"
FOLDER = DOCS / "states"
SLOWEST_STATE_MILLISECONDS = 4_000

# By name: the screen, and what the state is asked for with.
VIEWS: dict[str, tuple[dict[str, Any], str]] = {
    "light": (PHONE, "theme=light"),
    "dark": (PHONE, "theme=dark"),
    "korean": (PHONE, "theme=light&lang=ko"),
    "desk": (DESKTOP, "theme=light"),
}


async def main(wanted: list[str]) -> None:
    """Write the README's two pictures, and those of the named states, or of all with `all`."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        async with (
            open_demo(Path(folder)) as demo,
            async_playwright() as playwright,
            launch(playwright) as browser,
        ):
            press = demo.url.replace("127.0.0.1", "localhost") + "/demo/press?wallet=none"
            await _sheet(browser, press, "embed-desk", **DESKTOP)
            await _sheet(browser, press, "embed-phone", **PHONE)
            for name in STATES if "all" in wanted else wanted:
                await _state(browser, f"{demo.url}/demo/gallery/{name}", name)


async def _sheet(browser: Browser, url: str, name: str, **options: Any) -> None:
    async with await browser.new_context(**options) as context:
        page = await context.new_page()
        await page.goto(url)
        await page.locator("tuppence-paywall:state(offered)").wait_for()
        if name.endswith("desk"):
            await _shoot(page, DOCS / f"{name}.png")
            return
        await page.locator("tuppence-paywall button.pay").click()
        await page.locator("dialog.sheet svg.code").wait_for()
        await _shoot(page, DOCS / f"{name}.png")


async def _state(browser: Browser, url: str, name: str) -> None:
    for view, (screen, query) in VIEWS.items():
        async with await browser.new_context(**screen) as context:
            page = await context.new_page()
            await page.goto(f"{url}?{query}")
            await page.wait_for_timeout(SLOWEST_STATE_MILLISECONDS if STATES[name].opens else 1_000)
            await _shoot(page, FOLDER / f"{name}-{view}.png")


async def _shoot(page: Page, path: Path) -> None:
    await page.screenshot(path=path, animations="disabled")
    sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
