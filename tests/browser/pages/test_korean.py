"""A Korean creator's title, text and memo on the smallest phone: words stay whole, and nothing overflows."""

from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.conftest import NewReader
from tests.browser.pages.test_layout import fits
from tests.browser.reader import DESKTOP, SMALL_PHONE
from tests.browser.running_demo import RunningDemo

TITLE = "골목길 구멍가게의 작은 동전과 할머니의 빛바랜 외상장부 이야기"
FREE = (
    "할머니는 가게 계산대 옆에 언제나 작은 접시를 하나 놓아두셨다. 단추 하나는 세상에서 가장 작은 동전보다도 값이 쌌다."
)
PAID = "접힌 탭은 어디에나 있다. 누군가는 수천 명의 낯선 사람에게 몇 푼의 가치가 있는 것을 만든다."
MEMO = "할머니의 외상장부 · 한 편의 글"
CREATOR = "김하늘과 아침이슬 출판협동조합"
BROKEN_WORDS = """(root) => {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT), broken = [];
  while (walker.nextNode()) for (const { 0: word, index } of walker.currentNode.data.matchAll(/\\S+/g)) {
    const range = new Range();
    range.setStart(walker.currentNode, index);
    range.setEnd(walker.currentNode, index + word.length);
    if (new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size > 1) broken.push(word);
  }
  return broken;
}"""
LINES = """(e) => {
  const range = new Range();
  range.selectNodeContents(e);
  return new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size;
}"""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def essay(demo: RunningDemo) -> str:
    """The path of an essay for sale."""
    creator = {"name": "haneul", "title": CREATOR, "accent": "#2f6f5e"}
    await demo.as_operator("POST", "/v1/admin/creators", json=creator)
    markdown = f"# {TITLE}\n\n{FREE}\n\n<!-- more -->\n\n{PAID}"
    item = {"id": "oesang", "creator": "haneul", "price_msat": 21_000, "markdown": markdown, "memo": MEMO}
    await demo.as_operator("POST", "/v1/admin/items", json=item)
    return "/i/oesang"


@pytest.mark.parametrize("screen", [SMALL_PHONE, DESKTOP], ids=["320 px", "desk"])
async def test_korean_words_stay_whole_and_lines_are_wrapped(
    new_reader: NewReader, essay: str, screen: dict[str, Any]
) -> None:
    reader = await new_reader(**screen)
    await reader.open(essay)
    title = reader.page.get_by_role("heading", name=TITLE)
    await expect(title).to_have_attribute("lang", "ko")
    assert await title.evaluate(LINES) >= 2
    for part in (title, reader.text, reader.page.locator(".by a")):
        assert await part.evaluate(BROKEN_WORDS) == []
    await fits(reader)

    await reader.press_pay()
    memo = reader.page.locator("#demo-memo")
    await expect(memo).to_have_text(MEMO)
    assert await memo.evaluate(BROKEN_WORDS) == []
    await fits(reader)

    await reader.press_wallet()
    await reader.is_in("open")
    await expect(reader.text).to_contain_text(PAID)
    assert await reader.text.evaluate(BROKEN_WORDS) == []
    await fits(reader)


async def test_a_korean_creator_can_be_tipped_on_the_smallest_phone(new_reader: NewReader, essay: str) -> None:
    reader = await new_reader(**SMALL_PHONE)
    await reader.open(essay)
    await reader.page.get_by_role("link", name=CREATOR).click()
    await expect(reader.page).to_have_title(f"A tip for {CREATOR}")
    await reader.press_pay()
    await fits(reader)
    await reader.press_wallet()
    await reader.is_in("open")
    await expect(reader.text).to_contain_text(CREATOR)
    await fits(reader)
