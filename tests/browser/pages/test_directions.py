"""Titles and texts run as their script does; codes, hashes and amounts are never turned round or translated."""

import pytest

from tests.browser.conftest import NewReader
from tests.support.site import Site

ARABIC = "# مرحبا بكم\n\nالجزء المجاني.\n\n<!-- more -->\n\nThe paid part."
HEBREW = "# שלום עולם\n\nהחלק החופשי.\n\n<!-- more -->\n\nThe paid part."
LATIN = "# A little\n\nThe free part.\n\n<!-- more -->\n\nThe paid part."
DIRECTION = "(element) => getComputedStyle(element).direction"
UNTOUCHED = "(element) => element.translate === false && getComputedStyle(element).direction === 'ltr'"


@pytest.mark.parametrize(("text", "runs"), [(ARABIC, "rtl"), (HEBREW, "rtl"), (LATIN, "ltr")])
async def test_a_title_and_a_text_run_as_their_script_does(
    site: Site, new_reader: NewReader, text: str, runs: str
) -> None:
    await site.sell_text(text)
    reader = await new_reader(url=site.url)
    await reader.open("/i/welcome")
    for selector in ("h1", "#text"):
        assert await reader.page.locator(selector).first.evaluate(DIRECTION) == runs
    await reader.press_pay()
    for selector in (".sum strong", ".request"):
        assert await reader.sheet.locator(selector).evaluate(UNTOUCHED)


async def test_what_is_copied_from_a_receipt_is_what_was_given(new_reader: NewReader) -> None:
    reader = await new_reader()
    await reader.open("/i/welcome")
    await reader.press_pay()
    await reader.press_wallet()
    await reader.is_in("open")
    await reader.page.locator("#receipt").click()
    for selector in ("#amount", "#recovery", "#preimage", "#hash", "#shares dd"):
        assert await reader.page.locator(selector).first.evaluate(UNTOUCHED), selector
