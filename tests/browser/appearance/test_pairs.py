"""Every state of a purchase in every pair of circumstances: nothing is barred, nothing is wider than the window."""

from collections.abc import Awaitable, Callable
from itertools import combinations
from typing import Any, NamedTuple

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import NewReader, NewVisitor
from tests.browser.pages.test_accessible import barriers_on
from tests.browser.reader import PHONE, Reader
from tests.browser.running_demo import RunningDemo
from tests.support.site import Site

SCREENS = {"desk": (1280, 800), "320 px": (320, 568), "landscape": (844, 390)}
TEXTS = {"100 %": 1, "200 %": 2}
# A page in Arabic is one of another site, or one that sells an Arabic text; the gateway itself speaks English there.
TITLES = {
    "en": "A little goes a long way",
    "ko": "동전 하나의 무게는 생각보다 멀리 간다",
    "de": "Hauptbetriebswerksbesichtigung an der Landesrundfunkprogrammdirektion",
    "ar": "القليل يذهب بعيدا",
}
PAID = "The paid part."


class Circumstances(NamedTuple):
    """Of a reader and a window."""

    screen: str
    text: str
    language: str
    scheme: str
    forced: str
    script: str

    def options(self) -> dict[str, Any]:
        """For a browser context. Still pictures: a part that is appearing has no contrast yet."""
        width, height = SCREENS[self.screen]
        return PHONE | {
            "viewport": {"width": width, "height": height},
            "is_mobile": self.screen != "desk",
            "locale": self.language,
            "color_scheme": self.scheme,
            "forced_colors": self.forced,
            "java_script_enabled": self.script == "script",
            "reduced_motion": "reduce",
        }


CASES = [
    Circumstances("desk", "200 %", "en", "light", "none", "script"),
    Circumstances("desk", "200 %", "ko", "dark", "none", "script"),
    Circumstances("desk", "100 %", "de", "dark", "none", "script"),
    Circumstances("desk", "200 %", "ar", "dark", "active", "no script"),
    Circumstances("320 px", "100 %", "en", "light", "active", "script"),
    Circumstances("320 px", "100 %", "ko", "light", "active", "no script"),
    Circumstances("320 px", "200 %", "de", "light", "active", "script"),
    Circumstances("320 px", "100 %", "ar", "dark", "none", "script"),
    Circumstances("landscape", "100 %", "en", "dark", "none", "no script"),
    Circumstances("landscape", "200 %", "ko", "dark", "active", "script"),
    Circumstances("landscape", "100 %", "de", "light", "active", "no script"),
    Circumstances("landscape", "100 %", "ar", "light", "none", "script"),
]
SCRIPTED = [case for case in CASES if case.script == "script"]
# What reaches beyond the window or the sheet, itself or by what is in it.
WIDER = """() => {
  const inside = (one) => [one, ...(one.shadowRoot?.querySelectorAll("*") ?? [])];
  const all = [...document.querySelectorAll("body *")].flatMap(inside);
  const sheets = all.filter((one) => one.matches("dialog[open]") && one.scrollWidth > one.clientWidth);
  const page = document.documentElement.scrollWidth > innerWidth + 1 ? [document.documentElement] : [];
  return [...sheets, ...page].map((one) => one.tagName + " " + one.scrollWidth + " of " + one.clientWidth);
}"""
Look = Callable[[str], Awaitable[None]]
# The browser's language decides.
WITHOUT_LANGUAGE = """
new MutationObserver(() => document.documentElement?.removeAttribute("lang")).observe(document, { childList: true });
"""
ENLARGE = "(times) => { document.documentElement.style.fontSize = `${100 * times}%`; }"


async def test_every_pair_of_circumstances_is_among_the_cases() -> None:
    for one, other in combinations(Circumstances._fields, 2):
        seen = {(getattr(case, one), getattr(case, other)) for case in CASES}
        values = [{getattr(case, name) for case in CASES} for name in (one, other)]
        assert len(seen) == len(values[0]) * len(values[1]), (one, other)


@pytest.mark.node
@pytest.mark.parametrize("case", CASES, ids="-".join)
async def test_a_purchase_on_a_page(new_reader: NewReader, site: Site, axe: str, case: Circumstances) -> None:
    await site.sell_text(f"# {TITLES[case.language]}\n\nThe free part.\n\n<!-- more -->\n\n{PAID}")
    reader = await new_reader(url=site.url, **case.options())
    found: list[str] = []

    async def look(state: str) -> None:
        found.extend(await faults(reader.page, axe, case, state))

    await reader.open("/i/welcome")
    await look("offered")
    await reader.page.locator(".help summary").click()
    await look("explained")
    await (buy(reader, site, look) if case.script == "script" else buy_without_script(reader, site, look))
    await look("open")
    await reader.page.locator("#receipt").click()
    await expect(reader.page.locator("#bill")).to_have_attribute("data-state", "shown")
    await look("receipt")
    assert found == []


@pytest.mark.node
@pytest.mark.parametrize("case", SCRIPTED, ids="-".join)
async def test_a_purchase_in_an_embed(
    new_visitor: NewVisitor, demo: RunningDemo, axe: str, case: Circumstances
) -> None:
    visitor = await new_visitor(**case.options(), script=WITHOUT_LANGUAGE)
    found: list[str] = []

    async def look(state: str) -> None:
        found.extend(await faults(visitor.page, axe, case, state, within="tuppence-paywall"))

    await visitor.open()
    await look("offered")
    await visitor.paywall.locator(".first-time").click()
    await expect(visitor.paywall.locator(".steps ol")).to_be_visible()
    await look("explained")
    invoice = await visitor.tap()
    await visitor.is_scannable()
    await look("waiting")
    assert await demo.pay(invoice["payment_request"]) == 200
    await visitor.is_open()
    await expect(visitor.sheet).to_have_count(0)
    await look("open")
    assert found == []


async def buy(reader: Reader, site: Site, look: Look) -> None:
    """In the sheet."""
    invoice = await reader.press_pay()
    await look("waiting")
    site.pay(invoice["payment_hash"])
    await reader.is_in("open")
    await expect(reader.text).to_contain_text(PAID)
    await expect(reader.sheet).to_have_count(0)


async def buy_without_script(reader: Reader, site: Site, look: Look) -> None:
    """By the form."""
    await reader.page.locator("#offer button.pay").click()
    code = await reader.page.locator("#qr").get_attribute("src")
    assert code is not None
    await look("waiting")
    await site.settle(code.split("/")[-2])
    await reader.page.reload()
    await expect(reader.text).to_contain_text(PAID)


async def faults(page: Page, axe: str, case: Circumstances, state: str, *, within: str = "html") -> list[str]:
    """What is barred or too wide as the page stands. Without script axe cannot run; the page is the same."""
    await page.evaluate(ENLARGE, TEXTS[case.text])
    wide = await page.evaluate(WIDER)
    barred = await barriers_on(page, axe, within=within) if case.script == "script" else []
    return [f"{state}: {what}" for what in (*wide, *barred)]
