"""Draw the README's picture: `python -m tools.pay_page_picture` writes docs/pay-page.png."""

import asyncio
import io
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.async_api import Page, ViewportSize, async_playwright, expect

from tests.browser.chromium import launch
from tests.browser.reader import Reader
from tests.browser.running_demo import open_demo

PICTURE = Path(__file__).parents[1] / "docs" / "pay-page.png"
# As high as the sheet.
WINDOW: ViewportSize = {"width": 1280, "height": 800}
MARGIN = 48
COLORS = 128


async def draw() -> bytes:
    """The essay's page after Pay was pressed, the wallet beside it."""
    with TemporaryDirectory() as folder:
        async with open_demo(Path(folder)) as demo, async_playwright() as playwright, launch(playwright) as browser:
            context = await browser.new_context(viewport=WINDOW, device_scale_factor=2)
            reader = Reader(context, await context.new_page(), demo.url)
            await reader.open("/i/welcome")
            await reader.press_pay()
            await expect(reader.page.locator("#demo-pay")).to_be_enabled()
            return reduced(await shot(reader.page))


async def shot(page: Page) -> bytes:
    """From the left edge of the sheet to the right edge of the wallet."""
    boxes = [await page.locator(part).bounding_box() for part in ("dialog.sheet", ".phone")]
    sheet, phone = (box for box in boxes if box is not None)
    left, right = sheet["x"] - MARGIN, phone["x"] + phone["width"] + MARGIN
    clip = {"x": left, "y": 0, "width": right - left, "height": WINDOW["height"]}
    return await page.screenshot(animations="disabled", clip=clip)  # type: ignore[arg-type]


def reduced(picture: bytes) -> bytes:
    """The same in few colors."""
    smaller = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(COLORS).save(smaller, "PNG", optimize=True)
    return smaller.getvalue()


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_bytes(asyncio.run(draw()))
