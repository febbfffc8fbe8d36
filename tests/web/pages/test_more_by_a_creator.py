"""After the end of a text: the creator's tips, what else they sell, and a link to hand on."""

import re
from typing import Any

import pytest

from gateway.rows import ItemState
from gateway.web.pages.views import MOST_LISTED, NEW_SECONDS
from tests.support.rows import a_creator, an_item
from tests.support.site import Site
from tests.web.pages.test_purchases import PAGE, TEXT, Browser, payment_hash

MORE = "/t/alice#more"


@pytest.mark.parametrize(
    "other",
    [
        None,
        an_item("other", state=ItemState.ARCHIVED),
        an_item("other", byte_size=0, digest=""),
        an_item("other", creator="bob"),
    ],
    ids=["nothing", "what is archived", "what has no content", "what another creator sells"],
)
async def test_nothing_else_on_sale_is_no_more(site: Site, other: Any) -> None:
    await site.sell_text(TEXT)
    if other is not None:
        await site.gateway.catalog.add_item(other)
    assert (await site.call("GET", "/v1/items/welcome"))[1]["more_url"] is None
    assert MORE not in await page(site, "/i/welcome")
    assert listed(await page(site, "/t/alice")) == ["welcome"]


async def test_items_of_one_creator_lead_to_all_of_theirs(site: Site) -> None:
    await site.sell_text(TEXT)
    site.clock.advance(1)
    await site.sell_text(TEXT, item_id="second", title="The <second>")
    url = site.gateway.config.public_url
    for item in ("welcome", "second"):
        assert (await site.call("GET", f"/v1/items/{item}"))[1]["more_url"] == f"{url}{MORE}"
        assert MORE in await page(site, f"/i/{item}")
    tips = await page(site, "/t/alice")
    assert listed(tips) == ["second", "welcome"]
    assert "The &lt;second&gt;" in tips
    assert re.search(r"100 sat</span>.* · 1 min read", tips)


async def test_an_item_leaves_the_lists_when_it_is_archived(site: Site) -> None:
    await site.sell_text(TEXT)
    await site.sell_text(TEXT, item_id="second")
    change = {"state": "archived"}
    assert (await site.call("PATCH", "/v1/admin/items/second", json=change, headers=site.operator))[0] == 200
    assert MORE not in await page(site, "/i/welcome")
    # What was bought still opens, and leads to what is on sale.
    assert MORE in await page(site, "/i/second")
    assert listed(await page(site, "/t/alice")) == ["welcome"]


async def test_a_creator_who_sells_nothing_has_no_list(site: Site) -> None:
    await site.gateway.catalog.add_creator(a_creator("carol"))
    assert 'id="more"' not in await page(site, "/t/carol")


async def test_the_list_shows_the_newest(site: Site) -> None:
    for number in range(MOST_LISTED + 1):
        await site.gateway.catalog.add_item(an_item(f"item-{number}", created_at=1_800_000_000 + number))
    names = listed(await page(site, "/t/alice"))
    assert len(names) == MOST_LISTED
    assert (names[0], names[-1]) == (f"item-{MOST_LISTED}", "item-1")


async def test_without_script_the_thanks_stand_where_the_paid_part_begins_while_the_payment_is_new(site: Site) -> None:
    await site.sell_text(TEXT)
    browser = Browser(site)
    await browser.submit("/i/welcome")
    await site.settle(payment_hash((await browser.get("/i/welcome"))[1]))
    _, opened = await browser.get("/i/welcome")
    assert opened.index("The free part.") < opened.index("Alice thanks you.") < opened.index("The paid part,")
    thanks = opened.partition('id="thanks"')[2].partition("</p>")[0]
    assert f'#{browser.cookies["tuppence"]}">Receipt</a>' in thanks
    assert "data-copy" not in opened
    assert ">Tip \u2068Alice\u2069</a>" in opened
    site.clock.advance(NEW_SECONDS + 5)
    _, later = await browser.get("/i/welcome")
    assert "The paid part," in later
    assert "thanks you" not in later


async def page(site: Site, path: str) -> str:
    """A page as a browser gets it."""
    _, body = await site.call("GET", path, headers=PAGE)
    return str(body)


def listed(page: str) -> list[str]:
    """The items that a tip page lists."""
    _, _, more = page.partition('id="more"')
    return re.findall(r'href="/i/([a-z0-9-]+)"', more)
