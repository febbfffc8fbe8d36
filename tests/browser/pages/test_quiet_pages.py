"""Every page keeps to itself: no foreign request, no error, no violation of its policy (`complaints`), no cookie."""

import pytest
from playwright.async_api import expect

from tests.browser.reader import Reader

PAGES = ["/i/welcome", "/i/calendar", "/t/nora", "/r", "/docs", "/i/nothing"]
STRICT = ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'")


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_asks_its_own_origin_alone_under_a_strict_policy_and_sets_no_cookie(
    reader: Reader, path: str
) -> None:
    reader.expects("404")
    answer = await reader.page.goto(f"{reader.url}{path}", wait_until="load")
    assert answer is not None
    policy = await answer.header_value("content-security-policy") or ""
    assert [part for part in STRICT if part not in policy] == []
    assert "unsafe" not in policy
    sources = await reader.page.evaluate("() => performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert sources
    assert [source for source in sources if not source.startswith(f"{reader.url}/")] == []
    assert await reader.context.cookies() == []


async def test_a_policy_stops_a_script_that_found_its_way_into_a_page(reader: Reader) -> None:
    """The complaint shows that the tests of this folder would notice a violation."""
    reader.expects("script-src", "Content Security Policy")
    await reader.open("/i/welcome")
    async with reader.page.expect_console_message(lambda message: message.text.startswith("policy script-src")):
        await reader.page.evaluate("""() => {
            const script = document.createElement("script");
            script.textContent = "document.title = 'owned'";
            document.body.append(script);
        }""")
    await expect(reader.page).not_to_have_title("owned")


async def test_an_address_without_a_page_says_so(reader: Reader) -> None:
    reader.expects("404")
    await reader.open("/i/nothing")
    await expect(reader.page.get_by_role("heading")).to_have_text("Nothing here")
