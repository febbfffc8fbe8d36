"""In the colours of a contrast theme, what can be pressed has an edge, and what is chosen is told apart."""

from typing import Any

import pytest
from playwright.async_api import Locator, expect

from tests.browser.appearance.pictures import has_edge
from tests.browser.conftest import NewReader, NewVisitor
from tests.browser.reader import PHONE
from tests.support.qr_camera import as_scanned, codes_in

SCHEMES = ["light", "dark"]
LOOK = "(e) => { const { backgroundColor, color } = getComputedStyle(e); return backgroundColor + color; }"


def in_theme(scheme: str) -> dict[str, Any]:
    """A phone with a contrast theme."""
    return PHONE | {"forced_colors": "active", "color_scheme": scheme}


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_what_can_be_pressed_on_a_page_has_an_edge(new_reader: NewReader, scheme: str) -> None:
    reader = await new_reader(**in_theme(scheme))
    await reader.open("/t/nora")
    await have_edges(reader.page.locator("main button:visible, main .amount span"))
    await is_told_apart(reader.page.locator("main"))
    await reader.open("/i/welcome")
    await have_edges(reader.page.locator("main button:visible"))
    invoice = await reader.press_pay()
    await have_edges(reader.sheet.locator(".way"))
    await have_edges(reader.page.locator("#demo-pay"))
    shot = await reader.sheet.locator(".plate").screenshot(animations="disabled")
    assert codes_in(shot) == [as_scanned(invoice["payment_request"])]


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_what_can_be_pressed_in_an_embed_has_an_edge(new_visitor: NewVisitor, scheme: str) -> None:
    visitor = await new_visitor(**in_theme(scheme))
    await visitor.open()
    tip = visitor.page.locator("tuppence-tip")
    await expect(tip.locator(".amounts")).to_be_visible()
    for element in ("tuppence-paywall", "tuppence-button", "tuppence-tip"):
        await have_edges(visitor.page.locator(f"{element} button.pay"))
    await have_edges(tip.locator(".amount span"))
    await is_told_apart(tip)
    invoice = await visitor.tap()
    await visitor.is_scannable()
    await have_edges(visitor.sheet.locator(".way"))
    assert await visitor.scan() == [as_scanned(invoice["payment_request"])]


async def have_edges(controls: Locator) -> None:
    """There are some, and each has an edge."""
    found = await controls.all()
    assert found
    for control in found:
        await control.scroll_into_view_if_needed()
        assert await has_edge(control), await control.inner_text()


async def is_told_apart(form: Locator) -> None:
    """The chosen amount looks unlike the others."""
    chosen = await form.locator(".amount :checked + span").evaluate(LOOK)
    others = await form.locator(".amount :not(:checked) + span").evaluate_all(f"(all) => all.map({LOOK})")
    assert others
    assert chosen not in others
