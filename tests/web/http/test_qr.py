"""QR codes, scanned from pixels as a wallet's camera would."""

import re
from xml.etree import ElementTree as ET

import pytest
from PIL import Image, ImageDraw, ImageFilter

from gateway.web.http.qr import payment_qr, qr_svg
from tests.support.qr_camera import as_scanned, codes_in

# As long as LND's invoices with a memo are; the second one has a route hint more.
REQUESTS = {
    "usual": "lnbcrt1u1p5" + "q2s8xv7ynk0g4z3wd5jh"[:20] * 13,
    "with a route hint": "lnbc2500n1p5" + "rzq9f7ce0ml6ua8txy2k" * 18,
}
QUIET_MODULES = 4


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("pixels", [240, 320])
def test_a_scanner_reads_the_invoice_from_a_small_blurred_image(name: str, pixels: int) -> None:
    picture = draw(payment_qr(REQUESTS[name])).resize((pixels, pixels), Image.Resampling.BILINEAR)
    picture = picture.filter(ImageFilter.GaussianBlur(0.6)).rotate(1.5, fillcolor=255)
    assert codes_in(picture) == [as_scanned(REQUESTS[name])]


def test_the_code_is_upper_case_and_stays_at_version_nine() -> None:
    assert modules(payment_qr(REQUESTS["usual"])) == 53 + 2 * QUIET_MODULES


def test_four_light_modules_surround_the_code() -> None:
    picture = draw(qr_svg("LIGHTNING:LNBC1"))
    size, margin = picture.width, QUIET_MODULES * 8
    dark = picture.point(lambda shade: 255 - shade).getbbox()
    assert dark == (margin, margin, size - margin, size - margin)


def test_the_background_is_white_on_every_page() -> None:
    assert '<path fill="#fff" d="M0 0h' in qr_svg("LIGHTNING:LNBC1")


def draw(svg: str) -> Image.Image:
    """The strokes of the path at 8 pixels to the module: relative moves and horizontal lines, one module wide."""
    size = modules(svg)
    picture = Image.new("L", (size * 8, size * 8), 255)
    pen = ImageDraw.Draw(picture)
    path = ET.fromstring(svg).findall("{*}path")[1].attrib["d"]  # noqa: S314  # our own
    assert path.startswith("M0 .5")
    x = y = 0
    for across, down, length in re.findall(r"m(-?\d+) (-?\d+)h(\d+)", path):
        x, y = x + int(across), y + int(down)
        pen.rectangle((x * 8, y * 8, (x + int(length)) * 8 - 1, y * 8 + 7), fill=0)
        x += int(length)
    return picture


def modules(svg: str) -> int:
    """The width of the whole picture in modules."""
    view_box = ET.fromstring(svg).attrib["viewBox"]  # noqa: S314  # our own
    return int(view_box.split()[2])
