"""Every state of the embed in the gallery: no finding of axe, nothing wider than the screen, by day and by night."""

import io
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import Page, ViewportSize, expect

from gateway.demo.embed_states import STATES, State
from gateway.demo.embedding_site import SAMPLE_INVOICE
from tests.browser.conftest import NewVisitor
from tests.browser.pages.test_layout import TIGHT
from tests.browser.reader import DESKTOP, PHONE, SMALL_PHONE
from tests.support.qr_camera import codes_in

# What each state ends in, where that is not the first thing to be seen.
SETTLED = {
    "renewed": "here is a fresh one",
    "stale": "This code expired.",
    "offline": "No connection.",
    "elsewhere": "may not sell this",
    "silent": "may still be paying",
    "refused": "did not pay",
}
# What stands in an opened fold.
UNFOLDED = {"help": "Get a Lightning wallet", "recover": "Recovery code"}
SCANNABLE = {"waiting", "last-minute", "renewed", "tipping", "silent", "refused"}
SCANNED = "LIGHTNING:" + SAMPLE_INVOICE.upper()
# The side of a code's picture: a camera held far away sees no more of it.
SMALL_PIXELS = 240
RUN_AXE = """async () => (await axe.run(document, { resultTypes: ["violations"] })).violations.map(({ id, nodes }) =>
  [id, ...nodes.map(({ target, failureSummary }) => target.join(" ") + ": " + failureSummary)])"""

WIDER = """() => {
  const roots = [document, ...[...document.querySelectorAll("*")].flatMap((element) => element.shadowRoot ?? [])];
  const inside = roots.flatMap((root) => [...root.querySelectorAll("dialog[open], dialog[open] *, .card, .card *")]);
  const isSeen = (element) => getComputedStyle(element).visibility === "visible" && !element.matches(".unseen");
  return [document.documentElement, ...inside]
    .filter((element) => isSeen(element) && element.getBoundingClientRect().right > innerWidth + 1)
    .map((element) => element.outerHTML.slice(0, 80));
}"""


@pytest.mark.node
@pytest.mark.parametrize(
    ("screen", "theme", "lang", "tight"),
    [
        (DESKTOP, "light", "en", TIGHT),
        (DESKTOP, "dark", "en", {}),
        (PHONE, "light", "ko", TIGHT),
        (SMALL_PHONE, "dark", "de", TIGHT),
    ],
    ids=["by day", "by night", "on a Korean phone", "on a small German phone by night"],
)
async def test_axe_finds_nothing_and_no_state_is_wider_than_a_tight_screen(
    new_visitor: NewVisitor, axe: str, screen: dict[str, Any], theme: str, lang: str, tight: dict[str, dict[str, Any]]
) -> None:
    visitor = await new_visitor(**screen, reduced_motion="reduce", script=axe)
    for state in STATES.values():
        url = f"{visitor.gateway}/demo/gallery/{state.name}?theme={theme}&lang={lang}"
        await show(visitor.page, url, state, words=lang == "en")
        assert await visitor.page.evaluate(RUN_AXE) == [], state.name
        for name, narrow in tight.items():
            assert await wider_than(visitor.page, narrow["viewport"]) == [], f"{state.name} at {name} in {lang}"
        await visitor.page.set_viewport_size(screen["viewport"])


@pytest.mark.parametrize("screen", [DESKTOP, PHONE, SMALL_PHONE], ids=["desk", "phone", "small phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_every_code_that_is_shown_decodes_from_a_small_picture(
    new_visitor: NewVisitor, theme: str, screen: dict[str, Any]
) -> None:
    visitor = await new_visitor(**screen, reduced_motion="reduce")
    for name in SCANNABLE:
        await show(visitor.page, f"{visitor.gateway}/demo/gallery/{name}?theme={theme}", STATES[name])
        picture = Image.open(io.BytesIO(await visitor.page.locator("dialog.sheet .plate").screenshot()))
        small = picture.resize((SMALL_PIXELS, SMALL_PIXELS), Image.Resampling.BILINEAR)
        assert codes_in(small) == [SCANNED], name


async def wider_than(page: Page, size: ViewportSize) -> list[str]:
    """What is cut off in a window of that size."""
    await page.set_viewport_size(size)
    await page.wait_for_function("(width) => innerWidth === width", arg=size["width"])
    wide: list[str] = await page.evaluate(WIDER)
    return wide


async def show(page: Page, url: str, state: State, *, words: bool = True) -> None:
    """Go to a state and wait until it stands."""
    await page.goto(url)
    element = page.locator(state.tag.split()[0])
    if state.scene == "unreachable":
        await expect(element).to_be_visible()
        return
    await expect(element.locator("div[data-state]:not([data-state=loading])")).to_be_attached()
    if words and state.name in SETTLED:
        await expect(page.locator("dialog.sheet .status")).to_contain_text(SETTLED[state.name])
    if words and state.name in UNFOLDED:
        await expect(page.locator("dialog.sheet .unfolded")).to_contain_text(UNFOLDED[state.name])
    if state.name in SCANNABLE:
        await expect(page.locator("dialog.sheet svg.code")).to_be_visible()
