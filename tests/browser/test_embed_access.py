"""Every state of the embed in the gallery: no finding of axe, nothing wider than the screen, by day and by night."""

import subprocess
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from gateway.demo.states import STATES, State
from tests.browser.conftest import NewVisitor
from tests.browser.reader import SMALL_PHONE

PAYWALL = Path(__file__).parent.parent.parent / "paywall"
# What each state ends in, where that is not the first thing to be seen.
SETTLED = {
    "renewed": "here is a fresh one",
    "stale": "This code expired.",
    "offline": "No connection.",
    "elsewhere": "may not sell this",
    "silent": "may still be paying",
    "refused": "did not pay",
}
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


@pytest.fixture(scope="session")
def axe() -> str:
    """The script, of the version that package-lock.json names."""
    script = PAYWALL / "node_modules" / "axe-core" / "axe.min.js"
    if not script.exists():
        subprocess.run(("npm", "ci", "--no-audit", "--no-fund"), cwd=PAYWALL, check=True, capture_output=True)
    return script.read_text()


@pytest.mark.node
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_axe_finds_nothing(new_visitor: NewVisitor, axe: str, theme: str) -> None:
    visitor = await new_visitor(reduced_motion="reduce")
    for state in STATES.values():
        await show(visitor.page, f"{visitor.gateway}/demo/gallery/{state.name}?theme={theme}", state)
        await visitor.page.evaluate(axe)
        assert await visitor.page.evaluate(RUN_AXE) == [], state.name


@pytest.mark.parametrize("lang", ["en", "ko", "de"])
async def test_no_state_is_wider_than_a_small_phone(new_visitor: NewVisitor, lang: str) -> None:
    visitor = await new_visitor(**SMALL_PHONE)
    for state in STATES.values():
        await show(visitor.page, f"{visitor.gateway}/demo/gallery/{state.name}?lang={lang}", state, words=False)
        wide = await visitor.page.evaluate(WIDER)
        assert wide == [], f"{state.name} in {lang}"


async def show(page: Page, url: str, state: State, *, words: bool = True) -> None:
    """Go to a state and wait until it stands."""
    await page.goto(url)
    element = page.locator(state.tag.split()[0])
    if state.scene == "unreachable":
        await expect(element).to_be_visible()
        return
    await expect(element.locator("div.till:not([data-state=loading])")).to_be_attached()
    if words and state.name in SETTLED:
        await expect(page.locator("dialog.sheet .status")).to_contain_text(SETTLED[state.name])
