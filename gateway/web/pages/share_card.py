"""Metadata of an item's page: OpenGraph for link previews, schema.org for search engines."""

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
    """The metadata of an item's page: description, URL, image, and which part is paid for."""
    description = excerpt(item.preview_html)
    # A sealed text is on a page elsewhere, which search engines should index instead.
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
    """The beginning of sanitised HTML as plain text, cut at a word."""
    # It is computed for every view of a page, and a preview may be long.
    return _first_words(html[:_LOOKED_AT])


@lru_cache(maxsize=1024)
def _first_words(html: str) -> str:
    # A tag that was cut in two is dropped.
    whole = html[: html.rfind("<")] if html.rfind("<") > html.rfind(">") else html
    text = text_of_html(whole)
    if len(text) <= LONGEST_DESCRIPTION:
        return text
    cut = text[:LONGEST_DESCRIPTION]
    # A language without spaces, such as Japanese, is cut at the length limit.
    return (cut.rpartition(" ")[0] if " " in cut[LONGEST_DESCRIPTION // 2 :] else cut).rstrip(" ,;:–-") + "…"


def _marking(item: Item, creator: Creator, *, url: str, description: str) -> dict[str, Any]:
    """Structured data for paywalled content as Google defines it: the part in `.text` is not free."""
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
