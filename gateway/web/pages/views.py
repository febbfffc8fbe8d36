"""Template variables of the pages, computed from rows in the reader's language."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from math import ceil
from pathlib import PurePath
from typing import Any

from msgspec import to_builtins

from gateway.money import MSAT_PER_SAT
from gateway.rows import Creator, Invoice, Item, ItemKind, ItemState
from gateway.sales.terms import (
    MOST_MESSAGE_CHARACTERS,
    MOST_NAME_CHARACTERS,
    MOST_TIP_MSAT,
)
from gateway.web.api.items import item_body
from gateway.web.http.language import Unit, Words
from gateway.web.pages.palette import palette
from gateway.web.pages.refusal_texts import NO_LONGER_SOLD, TIP_INVALID

WORDS_PER_MINUTE = 220
LONGEST_SUFFIX = 5
REFRESH_SECONDS = 3
NEW_SECONDS = 120
MOST_LISTED = 50
TIP_AMOUNTS_SAT = (21, 100, 1000)
USUAL_TIP_SAT = 100
OWN_TIP_SAT = 500

FIRST_STRONG_ISOLATE, POP_DIRECTIONAL_ISOLATE = "\u2068", "\u2069"

View = dict[str, Any]

_MEDIA_NAMES = {
    "application/pdf": "PDF",
    "application/epub+zip": "EPUB",
    "application/zip": "ZIP",
    "audio/mpeg": "MP3",
    "image/jpeg": "JPEG",
    "image/svg+xml": "SVG",
}
_SCRIPTS = (
    ("ko", re.compile("[\uac00-\ud7a3]")),
    ("ja", re.compile("[\u3041-\u30ff]")),
    ("zh", re.compile("[\u4e00-\u9fff]")),
)
_HAN = ("ja", "zh-Hans")
_UNITS: tuple[tuple[Unit, int], ...] = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
_KILO = 1000


def offer_view(item: Item, creator: Creator, words: Words, *, has_more: bool = False) -> View:
    """The page of an item before payment. `has_more`: its creator has something else on sale."""
    return {
        "state": "offered",
        "item": item_view(item, words),
        "creator": creator_view(creator, words),
        "palette": palette(creator.accent),
        "text_html": item.preview_html,
        "line": "" if item.state is ItemState.ACTIVE else words.say(NO_LONGER_SOLD),
        "scripted": True,
        "connects": True,
        "has_more": has_more,
        # The page shows the preview itself.
        "product": to_builtins(item_body(replace(item, preview_html=""), creator, public_url="", has_more=has_more)),
    }


def waiting_view(item: Item, creator: Creator, invoice: Invoice, words: Words, *, now: float) -> View:
    """The page of an item without scripts while its invoice is open; it refreshes every 3 s."""
    shown = as_sold(item, invoice) if invoice.shown_state(now) == "open" else item
    return offer_view(shown, creator, words) | _waiting(invoice, words, now=now)


def open_view(
    item: Item,
    creator: Creator,
    invoice: Invoice,
    words: Words,
    *,
    content_html: str,
    file_url: str,
    page_url: str,
    receipt_url: str,
    has_more: bool,
    now: float,
) -> View:
    """The page of a paid item without scripts: the content in place of the preview, or a link to it."""
    free_html, paid_html = _parted(item, content_html)
    return offer_view(as_sold(item, invoice), creator, words, has_more=has_more) | {
        "state": "open",
        "text_html": free_html,
        "paid_html": paid_html,
        "thanks": _thanks(invoice, creator, words, now=now),
        "file_url": file_url,
        "page_url": page_url,
        "line": _paid(invoice, words),
        "receipt_url": receipt_url,
        "scripted": False,
        "connects": False,
    }


def tip_view(
    creator: Creator, words: Words, *, typed: Mapping[str, str] | None = None, line: str = "", refused_field: str = ""
) -> View:
    """The tip page of a creator; after an error, with what was typed, the error in `line` and the field at fault."""
    amounts = {str(amount_sat): amount_sat for amount_sat in TIP_AMOUNTS_SAT}
    chosen_sat = USUAL_TIP_SAT if typed is None else amounts.get(typed["amount"], 0)
    return {
        "state": "offered",
        "creator": creator_view(creator, words),
        "palette": palette(creator.accent),
        "amounts": [
            {"sat": amount_sat, "msat": amount_sat * MSAT_PER_SAT, "shown": words.number(amount_sat)}
            for amount_sat in TIP_AMOUNTS_SAT
        ],
        "chosen_sat": chosen_sat,
        "amount_sat": words.number(chosen_sat or USUAL_TIP_SAT),
        "amount_msat": (chosen_sat or USUAL_TIP_SAT) * MSAT_PER_SAT,
        "typed": typed or {"own": OWN_TIP_SAT, "name": "", "message": ""},
        "most_sat": MOST_TIP_MSAT // MSAT_PER_SAT,
        "longest_name": MOST_NAME_CHARACTERS,
        "longest_message": MOST_MESSAGE_CHARACTERS,
        "line": line,
        "refused_field": refused_field,
        "wrong": words.say(TIP_INVALID),
        "product": {"name": creator.name, "title": creator.title, "accent": creator.accent},
        "scripted": True,
        "connects": True,
    }


def tip_waiting_view(creator: Creator, invoice: Invoice, words: Words, *, now: float) -> View:
    """The tip page without scripts while its invoice is open."""
    shown = {"amount_sat": words.sat(invoice.amount_msat), "amount_msat": invoice.amount_msat}
    return tip_view(creator, words) | shown | _waiting(invoice, words, now=now)


def tip_open_view(creator: Creator, invoice: Invoice, words: Words, *, receipt_url: str) -> View:
    """The tip page without scripts after payment."""
    paid: View = {"state": "open", "line": _paid(invoice, words), "receipt_url": receipt_url}
    paid |= {"scripted": False, "connects": False}
    return tip_view(creator, words) | paid


def listed_view(items: Sequence[Item], words: Words) -> View:
    """What a creator has on sale, for the tip page."""
    return {"listed": [item_view(item, words) for item in items[:MOST_LISTED]]}


def item_view(item: Item, words: Words) -> View:
    """The template variables of an item."""
    return {
        "id": item.id,
        "kind": item.kind.value,
        "title": item.title,
        "lang": language_of(item.title, words.tag),
        "price_sat": words.sat(item.price_msat),
        "price_msat": item.price_msat,
        "buys": what_it_buys(item, words),
        "for_sale": item.state is ItemState.ACTIVE,
        "page_url": item.page_url,
        "page_host": (item.page_url or "").partition("://")[2].partition("/")[0],
    }


def creator_view(creator: Creator, words: Words) -> View:
    """The template variables of a creator."""
    title = creator.title.strip()
    return {
        "name": creator.name,
        "title": title,
        # For the middle of a sentence: a name of another direction leaves the words around it in their order.
        "isolated": f"{FIRST_STRONG_ISOLATE}{title}{POP_DIRECTIONAL_ISOLATE}",
        "initial": title[:1].upper(),
        "lang": language_of(title, words.tag),
    }


def what_it_buys(item: Item, words: Words) -> str:
    """The extent of an item: `6 min read` or `PDF, 2.1 MB`, with the access time if it is limited."""
    if item.kind is ItemKind.FILE:
        what = f"{_media_name(item, words)}, {_size(item.byte_size, words)}"
    else:
        minutes = max(1, ceil(item.word_count / WORDS_PER_MINUTE))
        what = words.say("{time} read", time=words.measure(minutes, "duration-minute"))
    if item.access_seconds is None:
        return what
    return words.say("{what}, for {time}", what=what, time=_duration(item.access_seconds, words))


def language_of(text: str, page: str) -> str:
    """The language of a text by its script, for the `lang` attribute; else the page's language, or English."""
    found = next((language for language, letters in _SCRIPTS if letters.search(text)), None)
    if found == "zh" and page in _HAN:
        return page
    return found or ("en" if page in {"ko", *_HAN} else page)


def as_sold(item: Item, invoice: Invoice) -> Item:
    """The item on the terms of an invoice, because the item may have changed since."""
    return replace(item, price_msat=invoice.amount_msat, access_seconds=invoice.access_seconds)


def _waiting(invoice: Invoice, words: Words, *, now: float) -> View:
    if invoice.shown_state(now) != "open":
        line = words.say("This code expired; ask for a fresh one. If you already paid the old one, it still counts.")
        return {"state": "offered", "line": line, "refresh_seconds": None}
    return {
        "state": "waiting",
        "invoice": {
            "payment_request": invoice.payment_request,
            "qr_url": f"/v1/invoices/{invoice.payment_hash}/qr.svg",
        },
        "line": words.say("Waiting for your payment"),
        "refresh_seconds": REFRESH_SECONDS,
        "scripted": False,
        "connects": False,
    }


def _paid(invoice: Invoice, words: Words) -> str:
    return words.say("Paid {amount} sat.", amount=words.sat(invoice.paid_msat or invoice.amount_msat))


def _thanks(invoice: Invoice, creator: Creator, words: Words, *, now: float) -> str:
    """The thanks for a payment, while it is new; no cookie says whether they were seen."""
    if invoice.settled_at is None or now - invoice.settled_at > NEW_SECONDS:
        return ""
    amount = words.say("{sat} sat", sat=words.sat(invoice.paid_msat or invoice.amount_msat))
    return words.say("Paid {amount}. {name} thanks you.", amount=amount, name=creator.title.strip())


def _parted(item: Item, content_html: str) -> tuple[str, str]:
    """The free and the paid part of what is shown. A text that was changed may begin otherwise than its free part."""
    if item.kind is not ItemKind.TEXT:
        return item.preview_html, ""
    free_html = item.preview_html.strip()
    return (free_html, content_html[len(free_html) :]) if content_html.startswith(free_html) else ("", content_html)


def _media_name(item: Item, words: Words) -> str:
    suffix = PurePath(item.file_name or "").suffix[1:]
    if item.media_type == "text/plain":
        return words.say("Text")
    fallback = suffix.upper() if 1 <= len(suffix) <= LONGEST_SUFFIX else words.say("File")
    return _MEDIA_NAMES.get(item.media_type) or fallback


def _size(byte_size: int, words: Words) -> str:
    if byte_size < _KILO:
        return words.measure(byte_size, "digital-byte", length="long")
    kilobytes = Decimal(byte_size) / _KILO
    if round(kilobytes) < _KILO:
        return words.measure(round(kilobytes), "digital-kilobyte")
    return words.measure(round(kilobytes / _KILO, 1), "digital-megabyte")


def _duration(seconds: int, words: Words) -> str:
    """A duration such as `1 day 12 hours`, exact to the second."""
    parts = []
    for unit, length in _UNITS:
        count, seconds = divmod(seconds, length)
        if count:
            parts.append(words.duration(count, unit))
    return " ".join(parts)
