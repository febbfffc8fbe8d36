"""A camera reads the invoice from what is on the screen."""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import NewReader
from tests.browser.reader import DESKTOP, PHONE, SMALL_PHONE
from tests.support.qr_camera import as_scanned, codes_in

SCREENS = {
    "a desk": DESKTOP,
    "a desk at night": DESKTOP | {"color_scheme": "dark"},
    "a phone": PHONE,
    "a phone at night": PHONE | {"color_scheme": "dark"},
    "a small phone": SMALL_PHONE,
}


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("path", ["/i/welcome", "/t/nora"])
async def test_the_code_on_the_screen_is_the_invoice(new_reader: NewReader, screen: str, path: str) -> None:
    reader = await new_reader(**SCREENS[screen])
    await reader.open(path)
    invoice = await reader.press_pay()
    await expect(reader.page.locator("#demo-pay")).to_be_enabled()
    await reader.sheet.locator(".plate").scroll_into_view_if_needed()
    assert codes_in(await reader.page.screenshot(animations="disabled")) == [as_scanned(invoice["payment_request"])]


async def test_the_code_can_be_scanned_without_script(new_reader: NewReader) -> None:
    reader = await new_reader(java_script_enabled=False, **PHONE)
    await reader.open("/i/welcome")
    await reader.page.get_by_role("button", name="Pay 100 sat").click()
    payment_request = await reader.page.get_by_label("Lightning invoice, to copy").input_value()
    await reader.page.locator(".plate").scroll_into_view_if_needed()
    assert codes_in(await reader.page.screenshot(animations="disabled")) == [as_scanned(payment_request)]
