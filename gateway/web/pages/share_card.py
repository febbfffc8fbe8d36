"""How a page looks where it is shared or found: OpenGraph for cards, schema.org for search engines."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from gateway.catalog.html_text import text_of_html
from gateway.money import MSAT_PER_BITCOIN
from gateway.rows import Creator, Item, ItemKind
from gateway.web.pages.share_image import HEIGHT, PATH, WIDTH

LONGEST_DESCRIPTION = 200
_LOOKED_AT = 4096


def card_view(item: Item, creator: Creator, *, public_url: str) -> dict[str, Any]:
    """What the head of an item's page says: the preview's first words, its address, and that the rest is paid for."""
    description = excerpt(item.preview_html)
    # A sealed text has a page of its own, which is the one to find.
    url = item.page_url or f"{public_url}/i/{item.id}"
    return {
        "url": url,
        "kind": "website" if item.kind is ItemKind.FILE else "article",
        "description": description,
        "picture": f"{public_url}{PATH.format(name=creator.name)}",
        "picture_width": WIDTH,
        "picture_height": HEIGHT,
        "marking": _marking(item, creator, url=url, description=description),
    }


def excerpt(html: str) -> str:
    """The first words of sanitised HTML, without markup, ended at a word."""
    # Every view of a page asks for them, and a preview may be long.
    return _first_words(html[:_LOOKED_AT])


@lru_cache(maxsize=1024)
def _first_words(html: str) -> str:
    # What was cut in the middle of a tag ends before it.
    whole = html[: html.rfind("<")] if html.rfind("<") > html.rfind(">") else html
    text = text_of_html(whole)
    if len(text) <= LONGEST_DESCRIPTION:
        return text
    cut = text[:LONGEST_DESCRIPTION]
    # Where words are not parted by spaces, as in Japanese, it ends where it is full.
    return (cut.rpartition(" ")[0] if " " in cut[LONGEST_DESCRIPTION // 2 :] else cut).rstrip(" ,;:–-") + "…"


def _marking(item: Item, creator: Creator, *, url: str, description: str) -> dict[str, Any]:
    """The paywall's marking as Google reads it: the text of the page is not free, and stands in `.text`."""
    free = {"isAccessibleForFree": False}
    price = Decimal(item.price_msat) / MSAT_PER_BITCOIN
    return {
        "@context": "https://schema.org",
        "@type": "DigitalDocument" if item.kind is ItemKind.FILE else "Article",
        "headline": item.title,
        "name": item.title,
        "description": description,
        "url": url,
        "datePublished": datetime.fromtimestamp(item.created_at, UTC).isoformat(),
        "author": {"@type": "Person", "name": creator.title},
        **free,
        "hasPart": {"@type": "WebPageElement", "cssSelector": ".text", **free},
        "offers": {"@type": "Offer", "price": f"{price:f}", "priceCurrency": "BTC", "url": url},
    }
