"""What an eye sees in a picture of a page."""

import io

from PIL import Image
from playwright.async_api import Locator


async def picture_of(element: Locator) -> Image.Image:
    """A picture of an element, in levels of grey."""
    return Image.open(io.BytesIO(await element.screenshot(animations="disabled"))).convert("L")


async def darkest_lines(element: Locator) -> tuple[int, int]:
    """The darkest levels of an element's first and last line, from 0 to 255."""
    picture = await picture_of(element)
    scale = picture.height / await element.evaluate("(e) => e.getBoundingClientRect().height")
    line = round(scale * await element.evaluate("(e) => parseFloat(getComputedStyle(e).lineHeight)"))
    first = picture.crop((0, 0, picture.width, line))
    last = picture.crop((0, picture.height - line, picture.width, picture.height))
    return first.getextrema()[0], last.getextrema()[0]  # type: ignore[return-value]  # one band has two numbers


async def has_edge(element: Locator) -> bool:
    """Whether an element stands out at its left side: not all pixels on the way into it are of one colour."""
    box = await element.bounding_box()
    assert box is not None
    around = {"x": box["x"] - 4, "y": box["y"], "width": box["width"] + 8, "height": box["height"]}
    shot = await element.page.screenshot(animations="disabled", clip=around)  # type: ignore[arg-type]  # a dict of four
    picture = Image.open(io.BytesIO(shot)).convert("L")
    row = [picture.getpixel((x, picture.height // 2)) for x in range(12)]
    return len(set(row)) > 1
