"""What was paid for opens on another device: by the code that is scanned, or by the one that is written down."""

from playwright.async_api import expect

from tests.browser.conftest import NewReader
from tests.browser.reader import DESKTOP, ELSEWHERE, PHONE, SMALL_PHONE, Reader
from tests.browser.running_demo import RunningDemo
from tests.support.qr_camera import codes_in

KOREAN_NIGHT = PHONE | {"locale": "ko-KR", "color_scheme": "dark"}


async def test_the_receipts_code_is_scanned_and_opens_the_essay(new_reader: NewReader) -> None:
    for screen in (DESKTOP, SMALL_PHONE, KOREAN_NIGHT):
        reader = await new_reader(**screen)
        await show_receipt(reader)
        plate = reader.page.locator(".elsewhere .plate")
        (link,) = codes_in(await plate.screenshot(animations="disabled"))
        assert link.startswith(f"{reader.url}/r#")
        phone = await new_reader(**PHONE)
        await phone.open(link.removeprefix(phone.url))
        await phone.page.get_by_role("link", name="Open it").click()
        await phone.is_in("yours")


async def test_the_proof_is_checked_in_the_page_and_said_in_words(new_reader: NewReader) -> None:
    reader = await new_reader(locale="ko-KR")
    await show_receipt(reader)
    await expect(reader.page.locator("#proof")).to_have_text(
        "이 페이지에서 확인했어요. 프리이미지가 결제 해시와 일치해요."
    )


async def test_a_proof_that_does_not_hold_is_said_to_fail(reader: Reader) -> None:
    async def lie(route: object) -> None:
        answer = await route.fetch()  # type: ignore[attr-defined]  # playwright's Route
        page = (await answer.text()).replace('id="preimage">', 'id="preimage">' + "00" * 32 + "<!--", 1)
        await route.fulfill(response=answer, body=page.replace("</code>", "--></code>", 1))  # type: ignore[attr-defined]

    await reader.page.route(lambda url: url.endswith("/r"), lie)
    await show_receipt(reader)
    await expect(reader.page.locator("#proof")).to_have_text("The preimage does not belong to the payment hash.")


async def test_a_written_code_opens_the_essay_without_script(new_reader: NewReader) -> None:
    buyer = await new_reader()
    await show_receipt(buyer)
    code = await buyer.page.locator("#recovery").inner_text()
    other = await new_reader(java_script_enabled=False, **PHONE, **ELSEWHERE)
    await other.open("/i/welcome")
    await other.page.get_by_role("link", name="Recover a purchase").click()
    await other.page.get_by_label("Recovery code").fill(code.lower().replace("-", " "))
    await other.page.get_by_role("button", name="Open it").click()
    await expect(other.page.locator("#recovery")).to_have_text(code)
    await expect(other.page.locator("#link-qr")).to_be_visible()
    await expect(other.page.get_by_role("button", name="Print")).to_be_hidden()
    await other.page.get_by_role("link", name="Open it").click()
    await other.is_open()


async def test_a_wrong_code_says_so_and_keeps_the_field(new_reader: NewReader) -> None:
    reader = await new_reader(**SMALL_PHONE | {"locale": "ko-KR"})
    reader.expects("404")
    await reader.open("/recover")
    await reader.page.get_by_label("복구 코드").fill("0000-0000-0000")
    await reader.page.get_by_role("button", name="열기").click()
    await expect(reader.page.get_by_role("alert")).to_contain_text("아무것도 열리지 않아요")
    await expect(reader.page.get_by_label("복구 코드")).to_be_focused()


async def test_a_receipt_without_script_has_what_the_scripted_one_has(new_reader: NewReader, demo: RunningDemo) -> None:
    reader = await new_reader(java_script_enabled=False)
    await reader.buy_without_script(demo.pay)
    for part in ("#amount", "#shares", "#preimage", "#hash", "#link-qr", "#recovery"):
        await expect(reader.page.locator(part)).to_be_visible()
    await expect(reader.page.get_by_role("button", name="Copy link")).to_be_hidden()


async def test_a_printed_receipt_fits_a_page_and_has_no_buttons(reader: Reader) -> None:
    await show_receipt(reader)
    await reader.page.emulate_media(media="print")
    for button in reader.page.get_by_role("button"), reader.page.get_by_role("link", name="Open it"):
        await expect(button.first).to_be_hidden()
    for part in ("#amount", "#link-qr", "#recovery", "#preimage"):
        await expect(reader.page.locator(part)).to_be_visible()
    assert (await reader.page.pdf(format="A4")).count(b"/Type /Page\n") == 1


async def show_receipt(reader: Reader, path: str = "/i/welcome") -> None:
    """Pay with the demo's wallet, and open the receipt."""
    await reader.open(path)
    await reader.press_pay()
    await reader.press_wallet()
    await reader.is_in("open")
    await reader.page.locator("#receipt").click()
    await expect(reader.page.locator("#bill")).to_have_attribute("data-state", "shown")
