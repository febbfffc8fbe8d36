"""An element on a page of another origin with a strict policy: every way to pay ends in the open text."""

import pytest
from playwright.async_api import Route, expect

from tests.browser.conftest import NewVisitor
from tests.browser.running_demo import RunningDemo
from tests.browser.visitor import ANY_ORIGIN, Visitor
from tests.support.qr_camera import as_scanned

NEVER = "window.webln = { enable: async () => {}, sendPayment: () => new Promise(() => {}) };"
DECLINES = "window.webln = { enable: async () => {}, sendPayment: async () => { throw new Error('declined'); } };"
LOCKED = "window.webln = { enable: async () => { throw new Error('locked'); }, sendPayment: async () => {} };"


async def test_a_scanned_code_opens_the_text_where_the_reader_is(visitor: Visitor, demo: RunningDemo) -> None:
    await visitor.open()
    invoice = await visitor.tap()
    await visitor.is_scannable()
    assert await visitor.scan() == [as_scanned(invoice["payment_request"])]
    assert await demo.pay(invoice["payment_request"]) == 200
    await visitor.is_open()
    await expect(visitor.sheet).to_have_count(0)
    await expect(visitor.page.locator("[slot=content]")).to_be_focused()
    names = [name for name, _ in await visitor.page.evaluate("() => window.told") if name != "ready"]
    assert names == ["invoice", "paid", "unlocked"]
    assert (await visitor.told("unlocked"))[0] == {"payment_hash": invoice["payment_hash"], "again": False}
    assert "access_token" not in (await visitor.told("invoice"))[0]
    assert len(visitor.posts) == 1


async def test_a_wallet_in_the_browser_pays_with_one_tap(visitor: Visitor) -> None:
    await visitor.page.goto(f"{visitor.press}/demo/press")
    await visitor.is_in("offered")
    await visitor.tap()
    await visitor.page.locator("dialog.wallet .yes").click()
    await visitor.is_open()


async def test_no_wallet_is_asked_before_the_tap(new_visitor: NewVisitor) -> None:
    counting = (
        "window.asked = 0; window.webln = { enable: async () => { window.asked++; }, sendPayment: async () => {} };"
    )
    visitor = await new_visitor(script=counting)
    await visitor.open()
    assert await visitor.page.evaluate("() => window.asked") == 0
    await visitor.tap()
    await visitor.page.wait_for_function("() => window.asked === 1")


@pytest.mark.parametrize("wallet", [DECLINES, LOCKED], ids=["declines", "is locked"])
async def test_a_wallet_that_will_not_pay_leaves_the_same_invoice_to_scan(
    new_visitor: NewVisitor, demo: RunningDemo, wallet: str
) -> None:
    visitor = await new_visitor(script=wallet)
    await visitor.open()
    invoice = await visitor.tap()
    await expect(visitor.status).to_have_text("Your wallet did not pay. Scan the code, or ask it again.")
    await expect(visitor.sheet.get_by_role("button", name="Ask the wallet again")).to_be_visible()
    await visitor.is_scannable()
    assert await visitor.scan() == [as_scanned(invoice["payment_request"])]
    assert await demo.pay(invoice["payment_request"]) == 200
    await visitor.is_open()
    assert len(visitor.posts) == 1


async def test_a_silent_wallet_is_told_of_and_no_other_invoice_is_offered(
    new_visitor: NewVisitor, demo: RunningDemo
) -> None:
    visitor = await new_visitor(script=NEVER)
    await visitor.page.clock.install()
    await visitor.open()
    invoice = await visitor.tap()
    await expect(visitor.status).to_have_text("Confirm the payment in your wallet.")
    await expect(visitor.sheet.locator("svg.code")).to_be_hidden()
    await visitor.page.clock.run_for(8_100)
    await expect(visitor.status).to_contain_text("Your wallet may still be paying. This code is the same invoice")
    await visitor.is_scannable()
    assert await visitor.scan() == [as_scanned(invoice["payment_request"])]
    await visitor.page.clock.fast_forward(600_000)
    await expect(visitor.status).to_have_text("This code expired. If your wallet is still paying it, it counts.")
    assert len(visitor.posts) == 1
    assert len(await visitor.told("expired")) == 1
    async with visitor.page.expect_response("**/invoices") as answered:
        await visitor.sheet.get_by_role("button", name="Get a fresh code").click()
    fresh = await (await answered.value).json()
    assert fresh["payment_hash"] != invoice["payment_hash"]
    await visitor.is_scannable()
    assert await visitor.scan() == [as_scanned(fresh["payment_request"])]
    assert await demo.pay(invoice["payment_request"]) == 200
    await visitor.is_open()


async def test_an_expired_code_is_renewed_and_the_old_one_still_counts(visitor: Visitor, demo: RunningDemo) -> None:
    await visitor.page.clock.install()
    await visitor.open()
    await visitor.page.clock.pause_at(await visitor.page.evaluate("() => Date.now() / 1000 + 1"))
    old = await visitor.tap()
    await visitor.is_scannable()
    await visitor.page.clock.run_for(560_000)
    await expect(visitor.sheet.locator(".left")).to_have_text("40 s")
    async with visitor.page.expect_response("**/invoices") as answered:
        await visitor.page.clock.run_for(41_000)
    new = await (await answered.value).json()
    await expect(visitor.status).to_contain_text(
        "here is a fresh one. If you already paid the old one, it still counts"
    )
    await visitor.is_scannable()
    assert await visitor.scan() == [as_scanned(new["payment_request"])]
    await visitor.page.clock.resume()
    assert await demo.pay(old["payment_request"]) == 200
    await visitor.is_open()


async def test_a_closed_and_reopened_sheet_keeps_its_invoice(visitor: Visitor) -> None:
    await visitor.open()
    invoice = await visitor.tap()
    await visitor.is_scannable()
    await visitor.page.keyboard.press("Escape")
    await expect(visitor.sheet).to_have_count(0)
    await expect(visitor.page.locator("tuppence-paywall button.pay")).to_be_focused()
    await visitor.page.locator("tuppence-paywall button.pay").click()
    await visitor.is_scannable()
    assert await visitor.scan() == [as_scanned(invoice["payment_request"])]
    assert len(visitor.posts) == 1


async def test_a_double_tap_opens_one_sheet_with_one_invoice(visitor: Visitor) -> None:
    await visitor.open()
    await visitor.page.locator("tuppence-paywall button.pay").dblclick()
    await visitor.is_scannable()
    await expect(visitor.page.locator("tuppence-paywall dialog")).to_have_count(1)
    assert len(visitor.posts) == 1


async def test_the_link_the_copy_and_the_code_are_one_invoice(new_visitor: NewVisitor) -> None:
    visitor = await new_visitor(permissions=["clipboard-read", "clipboard-write"])
    await visitor.open()
    invoice = await visitor.tap()
    await visitor.is_scannable()
    link = await visitor.sheet.get_by_role("link", name="Open wallet").get_attribute("href")
    assert link == f"lightning:{invoice['payment_request']}"
    await visitor.sheet.get_by_role("button", name="Copy").click()
    await expect(visitor.sheet.get_by_role("button", name="Copied")).to_be_visible()
    assert await visitor.page.evaluate("() => navigator.clipboard.readText()") == invoice["payment_request"]


async def test_two_embeds_and_a_tip_on_one_page_are_paid_apart(visitor: Visitor, demo: RunningDemo) -> None:
    await visitor.open()
    await visitor.is_in("offered", element="tuppence-button")
    await visitor.is_in("offered", element="tuppence-tip")
    file = await visitor.tap("tuppence-button")
    assert await demo.pay(file["payment_request"]) == 200
    await visitor.is_in("open", element="tuppence-button")
    await visitor.is_in("offered")
    async with visitor.page.expect_download() as starting:
        await visitor.page.get_by_role("link", name="Download").click()
    assert (await starting.value).suggested_filename.endswith(".pdf")
    await visitor.page.get_by_role("radio", name="21 sat").check()
    tip = await visitor.tap("tuppence-tip")
    assert tip["amount_msat"] == 21_000
    assert await demo.pay(tip["payment_request"]) == 200
    await expect(visitor.page.locator("tuppence-tip .held")).to_contain_text("Nora Lindqvist has your tip")
    await visitor.page.get_by_role("button", name="Tip again").click()
    again = await visitor.tap("tuppence-tip")
    assert again["payment_hash"] != tip["payment_hash"]
    text = await visitor.page.evaluate("() => JSON.stringify(localStorage)")
    assert tip["access_token"] not in text, "a thanked tip is kept nowhere"


async def test_an_invoice_of_another_amount_is_not_shown(visitor: Visitor) -> None:
    async def swap(route: Route) -> None:
        answer = await route.fetch()
        body = await answer.json()
        body["payment_request"] = body["payment_request"].replace("lnbcrt1u1", "lnbcrt9u1")
        await route.fulfill(response=answer, json=body)

    await visitor.page.route("**/invoices", swap)
    await visitor.open()
    await visitor.tap()
    await expect(visitor.status).to_have_text("The invoice does not match the price. Nothing was charged.")
    await expect(visitor.sheet.locator("svg.code")).to_have_count(0)


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (503, "refused", "The creator's node is not answering. Nothing was charged; try again in a moment."),
        (429, "refused", "Too many at once. Nothing was charged; try again in a moment."),
        (404, "item_archived", "This is no longer for sale; what was paid still opens."),
        (404, "item_empty", "That did not work. Nothing was charged."),
    ],
)
async def test_a_refusal_is_told_in_words_and_can_be_tried_again(
    visitor: Visitor, status: int, code: str, words: str
) -> None:
    async def refuse(route: Route) -> None:
        await route.fulfill(status=status, json={"code": code, "detail": ""}, headers=ANY_ORIGIN)

    visitor.expects(str(status))
    await visitor.open()
    await visitor.page.route("**/invoices", refuse)
    await visitor.page.locator("tuppence-paywall button.pay").click()
    await expect(visitor.status).to_have_text(words)
    assert (await visitor.told("error"))[0]["code"] == code
    await visitor.page.unroute("**/invoices")
    async with visitor.page.expect_response("**/invoices"):
        await visitor.sheet.get_by_role("button", name="Try again").click()
    await visitor.is_scannable()


async def test_without_script_the_link_in_the_tag_leads_to_the_hosted_page(new_visitor: NewVisitor) -> None:
    visitor = await new_visitor(java_script_enabled=False)
    await visitor.page.goto(f"{visitor.press}/demo/press")
    await visitor.page.get_by_role("link", name="Read the rest for 100 sat").click()
    await expect(visitor.page).to_have_url(f"{visitor.gateway}/i/welcome")
