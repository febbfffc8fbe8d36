"""Content that is replaced: preview, name, type and validators follow by rule, and two contents are never joined."""

import os
from typing import Any

import pytest

from gateway.store.files.content import ContentFolder
from tests.support.site import Site

OLD, NEW = b"The first edition. " * 500, b"Another one, later. " * 500
BOOK = "/v1/admin/items/book"
WELCOME = "/v1/admin/items/welcome"
PAID_FIRST = b"# A text\n\nThe paid beginning.\n\nThe paid end."


@pytest.fixture
async def shop(site: Site) -> Site:
    """A site that sells `book`, a file."""
    item = {"id": "book", "creator": "bob", "price_msat": 500_000, "file_name": "first.pdf"}
    assert (await site.call("POST", "/v1/admin/items", json=item, headers=site.operator))[0] == 201
    await put(site, BOOK, OLD)
    return site


async def put(site: Site, item: str, data: bytes, query: str = "") -> dict[str, Any]:
    status, changed = await site.call("PUT", f"{item}/content{query}", data=data, headers=site.operator)
    assert status == 200, changed
    return dict(changed)


async def bought(site: Site) -> dict[str, str]:
    invoice, headers = await site.buy("book")
    await site.settle(invoice["payment_hash"])
    return headers


async def link_of(site: Site, headers: dict[str, str]) -> str:
    _, link = await site.call("POST", "/v1/items/book/links", headers=headers)
    return str(link["url"].removeprefix(site.gateway.config.public_url))


# Previews ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["Only *this* is free.", ""])
async def test_a_preview_that_was_given_outlives_the_text(site: Site, given: str) -> None:
    item = await site.sell_text("# A text\n\nPaid one.\n\nPaid two.", preview=given)
    for text in (PAID_FIRST, b"Paid.\n\n<!-- more -->\n\nPaid, too.", b"One paragraph."):
        assert (await put(site, WELCOME, text))["preview_html"] == item["preview_html"]


async def test_a_preview_of_the_texts_own_follows_it_by_the_same_rule(site: Site) -> None:
    await site.sell_text("# A text\n\nFree.\n\nPaid.")
    assert (await put(site, WELCOME, b"Freer.\n\nPaid."))["preview_html"] == "<p>Freer.</p>\n"
    assert (await put(site, WELCOME, b"Paid alone."))["preview_html"] == ""
    marked = await put(site, WELCOME, b"One.\n\nTwo.\n\n<!-- more -->\n\nPaid.")
    assert marked["preview_html"] == "<p>One.</p>\n<p>Two.</p>\n"
    unmarked = await put(site, WELCOME, PAID_FIRST)
    assert unmarked["preview_html"] == marked["preview_html"], "its first paragraph was never said to be free"


async def test_a_mark_before_everything_keeps_the_next_text_closed(site: Site) -> None:
    await site.sell_text("# A text\n\n<!-- more -->\n\nPaid.\n\nPaid.")
    assert (await put(site, WELCOME, PAID_FIRST))["preview_html"] == ""


async def test_a_preview_is_given_anew_and_stays_then(site: Site) -> None:
    await site.sell_text("# A text\n\nFree.\n\nPaid.")
    for preview, html in (("Given *now*.", "<p>Given <em>now</em>.</p>\n"), ("", "")):
        change = {"preview": preview}
        assert (await site.call("PATCH", WELCOME, json=change, headers=site.operator))[1]["preview_html"] == html
        assert (await put(site, WELCOME, PAID_FIRST))["preview_html"] == html


# Names and parts -----------------------------------------------------------------------------------------------------


async def test_a_file_under_another_name_is_sent_as_what_it_is(shop: Site) -> None:
    headers = await bought(shop)
    assert (await put(shop, BOOK, NEW, "?file_name=second.epub"))["media_type"] == "application/epub+zip"
    async with shop.session.get(f"{shop.url}/v1/items/book/content", headers=headers) as response:
        assert response.content_type == "application/epub+zip"
        assert "second.epub" in response.headers["Content-Disposition"]
    await shop.sell_text("# A text\n\nFree.\n\nPaid.")
    refused = [("book", "a/b", 422), ("book", "", 422), ("book", "%0A", 422), ("welcome", "a.pdf", 409)]
    for item_id, name, status in refused:
        path = f"/v1/admin/items/{item_id}/content?file_name={name}"
        assert (await shop.call("PUT", path, data=b"Free.\n\nPaid.", headers=shop.operator))[0] == status


async def test_no_answer_joins_parts_of_two_contents(shop: Site) -> None:
    headers = await bought(shop)
    path = await link_of(shop, headers)
    async with shop.session.get(f"{shop.url}{path}", headers={"Range": "bytes=0-9"}) as response:
        assert (response.status, await response.read()) == (206, OLD[:10])
        tag = response.headers["ETag"]
        assert "Last-Modified" not in response.headers
    await put(shop, BOOK, NEW)
    resumed = {"Range": "bytes=10-"}
    asked = [(path, resumed), (path, resumed | {"If-Range": tag}), (path, {"If-None-Match": tag})]
    asked += [("/v1/items/book/content", headers | resumed | {"If-Range": name}) for name in (tag, f"W/{tag}", "x")]
    for address, conditions in asked:
        async with shop.session.get(f"{shop.url}{address}", headers=conditions) as response:
            assert (response.status, await response.read()) == (200, NEW)
    async with shop.session.get(f"{shop.url}{path}", headers={"If-Match": tag}) as response:
        assert (response.status, await response.read()) == (412, b"")


async def test_a_part_of_what_is_still_there_is_resumed(shop: Site) -> None:
    headers = await bought(shop)
    await put(shop, BOOK, NEW)
    await put(shop, BOOK, OLD)
    path = await link_of(shop, headers)
    async with shop.session.head(f"{shop.url}{path}") as response:
        tag = response.headers["ETag"]
    for address, own in ((path, {}), ("/v1/items/book/content", headers)):
        resumed = own | {"Range": "bytes=10-", "If-Range": tag, "If-Match": tag}
        async with shop.session.get(f"{shop.url}{address}", headers=resumed) as response:
            assert (response.status, await response.read()) == (206, OLD[10:])
        async with shop.session.get(f"{shop.url}{address}", headers=own | {"If-None-Match": tag}) as response:
            assert (response.status, await response.read()) == (304, b"")


async def test_a_link_says_which_content_it_was_made_for(shop: Site) -> None:
    path = await link_of(shop, await bought(shop))
    assert (await shop.call("GET", path.replace("content=", "content=0")))[1]["code"] == "link_wrong"


# Leftovers -----------------------------------------------------------------------------------------------------------


async def test_what_a_killed_upload_left_is_deleted_and_nothing_else(shop: Site) -> None:
    content: ContentFolder = shop.gateway.content
    left, being_written = (content._folder / name for name in ("0a.new", "0b.new"))
    for path, at in ((left, 100), (being_written, 300)):
        path.write_bytes(b"half of it")
        os.utime(path, (at, at))
    assert await content.clear_leftovers(before=200) == 1
    assert (left.exists(), being_written.exists()) == (False, True)
    assert await content.get((await shop.call("GET", BOOK, headers=shop.operator))[1]["digest"]) == OLD
