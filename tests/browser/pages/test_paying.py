"""A reader pays with the demo's wallet, and the essay opens where it was."""

import re

import pytest
from playwright.async_api import Route, expect

from tests.browser.conftest import NewReader
from tests.browser.delayed_requests import DelayedRequests
from tests.browser.reader import Reader
from tests.browser.running_demo import RunningDemo

SEEN_MILLISECONDS = 450
# When the page was paid, asked for the text, showed it, and was seen without the sheet.
NOTED = """
window.noted = {};
const note = (name) => noted[name] ??= performance.now();
addEventListener("tuppence-paid", () => note("settled"));
const { fetch } = window;
window.fetch = (url, ...options) => { if (url.endsWith("/content")) note("fetched"); return fetch(url, ...options); };
addEventListener("tuppence-unlocked", ({ target }) => {
  note("open");
  const sheet = target.shadowRoot.querySelector("dialog");
  new MutationObserver(() => note("seen")).observe(sheet, { attributeFilter: ["open"] });
});
"""


async def test_one_press_and_one_payment_open_the_essay_where_it_was(reader: Reader) -> None:
    await reader.open("/")
    await expect(reader.page).to_have_url(f"{reader.url}/i/welcome")
    before = await reader.page.evaluate("() => performance.timeOrigin")
    await reader.press_pay()
    await expect(reader.status).to_have_text("Waiting for your payment")
    await reader.press_wallet()
    await reader.is_open()
    await expect(reader.page.locator("#thanks")).to_be_focused()
    await expect(reader.sale.locator(".held")).to_have_text("Paid", use_inner_text=True)
    assert await reader.page.evaluate("() => performance.timeOrigin") == before, "the page was not loaded again"


async def test_the_wallet_shows_what_it_is_asked_and_how_much_is_left(reader: Reader) -> None:
    await reader.open("/i/welcome")
    panel = reader.page.get_by_label("Demo wallet")
    await expect(panel).to_contain_text("Press Pay 100 sat on the page")
    await expect(panel.locator("#demo-pay")).to_be_disabled()
    invoice = await reader.press_pay()
    await expect(panel.locator(".sum")).to_have_text("100 sat", use_inner_text=True)
    await expect(panel.locator("#demo-memo")).to_contain_text("Nora Lindqvist · 127.0.0.1")
    await expect(panel.locator("#demo-payee")).to_have_text(re.compile("^0[23][0-9a-f]{6}…[0-9a-f]{6}$"))
    before = await reader.balance_sat()
    await reader.press_wallet()
    await expect(panel.locator(".sum")).to_have_text("100 sat", use_inner_text=True)
    await expect(panel.locator(".sent")).to_be_visible()
    await expect(panel.locator("#demo-balance")).to_have_text(f"{before - invoice['amount_msat'] // 1000:,}")


async def test_a_panel_says_where_each_sat_went_and_how_fast_it_opened(reader: Reader) -> None:
    await reader.open("/i/welcome")
    await reader.press_pay()
    await reader.press_wallet()
    shares = reader.page.locator("#demo-shares > div")
    await expect(shares).to_have_text(["Nora Lindqvist70 sat", "Tomas Reyes30 sat"])
    await expect(reader.page.locator("#demo-went")).to_be_visible()
    widths = await reader.page.locator("#demo-bar > span").evaluate_all("(all) => all.map((s) => s.clientWidth)")
    assert widths[0] / sum(widths) == pytest.approx(0.7, abs=0.01)
    swift = reader.page.locator("#demo-swift")
    await expect(swift).to_have_text(re.compile(r"^\d+ ms from settled to open$"), use_inner_text=True)


async def test_the_code_becomes_a_tick_while_the_essay_comes(reader: Reader) -> None:
    gate = DelayedRequests()
    await reader.page.route("**/content", gate.hold)
    await reader.open("/i/welcome")
    await reader.press_pay()
    tick = reader.page.locator(".plate .tick")
    await expect(tick).to_be_hidden()
    await reader.press_wallet()
    await expect(tick).to_be_visible()
    await expect(reader.page.locator(".plate .code")).to_be_hidden()
    await expect(reader.status).to_have_text("Paid. Opening…")
    gate.open()
    await reader.is_open()
    await expect(tick).to_be_hidden()


@pytest.mark.parametrize("wish", ["no-preference", "reduce"])
async def test_the_tick_is_seen_alone_before_the_text_comes(new_reader: NewReader, wish: str) -> None:
    reader = await new_reader(reduced_motion=wish)
    await reader.page.add_init_script(NOTED)
    await reader.open("/i/welcome")
    await reader.press_pay()
    await reader.press_wallet()
    await reader.is_open()
    await expect(reader.sheet).to_have_count(0)
    settled, fetched, seen = await reader.page.evaluate("() => [noted.settled, noted.fetched, noted.seen]")
    assert seen - settled >= SEEN_MILLISECONDS
    assert fetched - settled < SEEN_MILLISECONDS, "the text was fetched only after the tick"


async def test_after_a_reload_it_is_already_yours_and_nothing_is_asked_for(reader: Reader, demo: RunningDemo) -> None:
    await reader.open("/i/welcome")
    await reader.press_pay()
    await reader.press_wallet()
    await reader.is_open()
    balance = await demo.balance_sat()
    asked = reader.posts()
    await reader.page.reload()
    await reader.is_in("yours")
    await expect(reader.sale.locator(".held")).to_have_text("Already yours", use_inner_text=True)
    await expect(reader.text).to_contain_text("On Sunday I hemmed the kitchen curtains.")
    await expect(reader.page.locator("#demo")).to_contain_text("Paid before: this page is yours already.")
    assert reader.posts() == asked
    assert await demo.balance_sat() == balance


async def test_pressing_twice_asks_for_one_invoice(reader: Reader) -> None:
    await reader.open("/i/welcome")
    await reader.page.locator("#offer button.pay").dblclick()
    await reader.is_scannable()
    assert reader.posts().count("/v1/items/welcome/invoices") == 1


async def test_a_payment_from_another_wallet_opens_too(reader: Reader, demo: RunningDemo) -> None:
    await reader.open("/i/welcome")
    invoice = await reader.press_pay()
    assert await demo.pay(invoice["payment_request"]) == 200
    await reader.is_open()
    assert await demo.pay(invoice["payment_request"]) == 409


async def test_link_and_copy_carry_the_invoice_in_lower_case(new_reader: NewReader) -> None:
    reader = await new_reader(permissions=["clipboard-read", "clipboard-write"])
    await reader.open("/i/welcome")
    payment_request = (await reader.press_pay())["payment_request"]
    assert payment_request == payment_request.lower()
    await expect(reader.sheet.locator("[part=wallet]")).to_have_attribute("href", f"lightning:{payment_request}")
    await reader.page.get_by_role("button", name="Copy").click()
    await expect(reader.page.get_by_role("button", name="Copied")).to_be_visible()
    assert await reader.page.evaluate("() => navigator.clipboard.readText()") == payment_request


async def test_where_copying_is_not_allowed_the_invoice_can_be_selected(reader: Reader) -> None:
    await reader.page.add_init_script("navigator.clipboard.writeText = () => Promise.reject(new Error('denied'))")
    await reader.open("/i/welcome")
    payment_request = (await reader.press_pay())["payment_request"]
    await reader.page.get_by_role("button", name="Copy").click()
    await expect(reader.page.get_by_label("Lightning invoice, to copy")).to_be_visible()
    assert await reader.page.evaluate("() => getSelection().toString()") == payment_request


async def test_an_answer_that_fails_is_asked_for_again(reader: Reader) -> None:
    failures = 1

    async def fail_once(route: Route) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            await route.fulfill(status=502, body="")
        else:
            await route.continue_()

    reader.expects("502")
    await reader.page.route("**/content", fail_once)
    await reader.open("/i/welcome")
    await reader.press_pay()
    await reader.press_wallet()
    await reader.is_open()
    assert not failures
