"""Link previews, and structured data that marks the text as paid content."""

import io
import json
import re
from typing import Any

import pytest
from PIL import Image

from gateway.web.pages.share_card import LONGEST_DESCRIPTION, excerpt
from gateway.web.pages.share_image import HEIGHT, WIDTH
from tests.support.rows import a_creator
from tests.support.site import Site

TEXT = "# Coins & <i>buttons</i>\n\nA *little* goes a long way.\n\n<!-- more -->\n\nThe paid part."
PAGE = {"Accept": "text/html"}


async def page_of(site: Site, path: str) -> str:
    return str((await site.call("GET", path, headers=PAGE))[1])


def marking_of(page: str) -> dict[str, Any]:
    (text,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page)
    return dict(json.loads(text))


async def test_an_items_page_is_marked_as_paid_for(site: Site) -> None:
    await site.sell_text(TEXT)
    for path in ("/i/welcome", "/v1/items/welcome/content"):
        page = await page_of(site, path)
        marking = marking_of(page)
        assert marking["isAccessibleForFree"] is False
        assert marking["hasPart"] == {
            "@type": "WebPageElement",
            "cssSelector": ".text",
            "isAccessibleForFree": False,
        }
        assert 'class="text"' in page
        assert (marking["@type"], marking["author"]["name"]) == ("Article", "Alice")
        assert (marking["offers"]["price"], marking["offers"]["priceCurrency"]) == ("0.000001", "BTC")
        assert "paid part" not in page


async def test_a_link_preview_shows_the_title_and_first_words(site: Site) -> None:
    await site.sell_text(TEXT)
    page = await page_of(site, "/i/welcome?lang=ko")
    for line in (
        '<meta property="og:description" content="A little goes a long way.">',
        '<meta property="og:url" content="http://127.0.0.1:8402/i/welcome">',
        '<link id="address" rel="canonical" href="http://127.0.0.1:8402/i/welcome">',
    ):
        assert line in page
    assert '<meta property="og:title" content="Coins &amp; ' in page
    assert '<meta property="og:image" content="http://127.0.0.1:8402/t/alice/card.png">' in page


async def test_the_preview_image_is_the_logo_in_the_creators_colour(site: Site) -> None:
    await site.gateway.catalog.add_creator(a_creator("carol", accent="#14285a"))
    for name, accent, coin in (("alice", (180, 99, 45), (0, 0, 0)), ("carol", (20, 40, 90), (255, 255, 255))):
        async with site.session.get(f"{site.url}/t/{name}/card.png") as response:
            assert (response.status, response.content_type) == (200, "image/png")
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            data = await response.read()
        picture = Image.open(io.BytesIO(data)).convert("RGB")
        assert (picture.size, len(data) < 20_000) == ((WIDTH, HEIGHT), True)
        assert picture.getpixel((0, 0)) == picture.getpixel((WIDTH - 1, HEIGHT - 1)) == accent
        assert picture.getpixel((WIDTH // 2 - 100, HEIGHT // 2)) == coin
        assert picture.getpixel((WIDTH // 2 + 180, HEIGHT // 2)) not in {accent, coin}
    assert (await site.call("GET", "/t/nobody/card.png"))[0] == 404


async def test_the_page_of_a_paid_item_has_no_structured_data(site: Site) -> None:
    await site.sell_text(TEXT)
    async with site.session.post(f"{site.url}/i/welcome", allow_redirects=False) as response:
        cookies = {name: cookie.value for name, cookie in response.cookies.items()}
    async with site.session.get(f"{site.url}/i/welcome", cookies=cookies) as response:
        assert "ld+json" not in await response.text()


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<p>One.</p><p>Two &amp; three.</p>", "One. Two & three."),
        ("<p>a<strong>b</strong>c</p>\n<ul><li>d</li></ul>", "abc d"),
        ("", ""),
        ("<p>" + "word " * 100 + "</p>", "word " * 39 + "word…"),
        ("<p>" + "小" * 300 + "</p>", "小" * LONGEST_DESCRIPTION + "…"),
    ],
)
def test_an_excerpt_is_plain_and_ends_at_a_word(html: str, words: str) -> None:
    assert excerpt(html) == words
