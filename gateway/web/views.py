"""What the pages show, as plain values: rows in, template variables out."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from math import ceil
from pathlib import PurePath
from typing import Any

from gateway.checkout import (
    MOST_MESSAGE_CHARACTERS,
    MOST_NAME_CHARACTERS,
    MOST_TIP_MSAT,
)
from gateway.money import MSAT_PER_SAT, to_sat
from gateway.rows import Creator, Invoice, Item, ItemKind, ItemState
from gateway.web.accent import palette

WORDS_PER_MINUTE = 220
LONGEST_SUFFIX = 5
REFRESH_SECONDS = 3
NO_LONGER_SOLD = "This is no longer for sale; what was paid still opens."
TIP_AMOUNTS_SAT = (21, 100, 1000)
USUAL_TIP_SAT = 100

View = dict[str, Any]

_MEDIA_NAMES = {
    "application/pdf": "PDF",
    "application/epub+zip": "EPUB",
    "application/zip": "ZIP",
    "audio/mpeg": "MP3",
    "image/jpeg": "JPEG",
    "image/svg+xml": "SVG",
    "text/plain": "Text",
}
_SCRIPTS = (
    ("ko", re.compile("[\uac00-\ud7a3]")),
    ("ja", re.compile("[\u3041-\u30ff]")),
    ("zh", re.compile("[\u4e00-\u9fff]")),
)
_DAY_SECONDS, _HOUR_SECONDS, _MINUTE_SECONDS = 86_400, 3_600, 60
_KILO = 1000
_TITLES = {
    402: "This has to be paid for",
    403: "Not from here",
    404: "Nothing here",
    405: "Not this way",
    422: "That will not do",
    429: "One moment",
    503: "The node is not answering",
}


def offer_view(item: Item, creator: Creator) -> View:
    """The page of an item before anything is paid."""
    return {
        "state": "offered",
        "item": item_view(item),
        "creator": creator_view(creator),
        "palette": palette(creator.accent),
        "text_html": item.preview_html,
        "words": "" if item.state is ItemState.ACTIVE else NO_LONGER_SOLD,
        "scripted": True,
    }


def waiting_view(item: Item, creator: Creator, invoice: Invoice, *, now: float) -> View:
    """The page of an item without script, while its invoice is open: it looks again every 3 s."""
    return offer_view(item, creator) | _waiting(invoice, now=now)


def open_view(item: Item, creator: Creator, invoice: Invoice, *, content_html: str, file_url: str, token: str) -> View:
    """The page of an item without script, paid: the content in the place of the preview."""
    return offer_view(item, creator) | {
        "state": "open",
        "text_html": content_html if item.kind is ItemKind.TEXT else item.preview_html,
        "file_url": file_url,
        "words": f"Paid {to_sat(invoice.paid_msat or invoice.amount_msat)} sat.",
        "receipt_url": f"/r#{token}",
        "scripted": False,
    }


def tip_view(creator: Creator, *, chosen_sat: int = USUAL_TIP_SAT, words: str = "") -> View:
    """The tip page of a creator."""
    return {
        "state": "offered",
        "creator": creator_view(creator),
        "palette": palette(creator.accent),
        "invoices_url": f"/v1/creators/{creator.name}/tips",
        "amounts_sat": TIP_AMOUNTS_SAT,
        "chosen_sat": chosen_sat,
        "amount_sat": f"{chosen_sat:,}",
        "most_sat": MOST_TIP_MSAT // MSAT_PER_SAT,
        "longest_name": MOST_NAME_CHARACTERS,
        "longest_message": MOST_MESSAGE_CHARACTERS,
        "words": words,
        "scripted": True,
    }


def tip_waiting_view(creator: Creator, invoice: Invoice, *, now: float) -> View:
    """The tip page without script, while its invoice is open."""
    return tip_view(creator) | {"amount_sat": to_sat(invoice.amount_msat)} | _waiting(invoice, now=now)


def tip_open_view(creator: Creator, invoice: Invoice, *, token: str) -> View:
    """The thanks, without script."""
    words = f"Paid {to_sat(invoice.paid_msat or invoice.amount_msat)} sat."
    return tip_view(creator) | {"state": "open", "words": words, "receipt_url": f"/r#{token}", "scripted": False}


def receipt_view(invoice: Invoice, *, title: str, shares: Sequence[tuple[str, int]], preimage: str | None) -> View:
    """A receipt rendered here, for a reader without script; `shares` are (creator's title, msat)."""
    return {
        "title": title,
        "amount_sat": to_sat(invoice.paid_msat or invoice.amount_msat),
        "settled": datetime.fromtimestamp(invoice.settled_at or 0, UTC).strftime("%-d %B %Y, %H:%M UTC"),
        "item_url": f"/i/{invoice.item_id}" if invoice.item_id is not None else "",
        "payment_hash": invoice.payment_hash,
        "preimage": preimage or "",
        "shares": [{"title": name, "amount_sat": to_sat(part)} for name, part in shares],
    }


def problem_view(status: int, detail: str, *, retry_after_seconds: int | None) -> View:
    """A refusal as a page."""
    title = _TITLES.get(status, "That did not work")
    return {"status": status, "title": title, "detail": detail, "retry_after_seconds": retry_after_seconds}


def item_view(item: Item) -> View:
    """An item as templates show it."""
    is_file = item.kind is ItemKind.FILE
    return {
        "id": item.id,
        "kind": item.kind.value,
        "title": item.title,
        "lang": language_of(item.title),
        "price_sat": to_sat(item.price_msat),
        "buys": what_it_buys(item),
        "for_sale": item.state is ItemState.ACTIVE,
        "invoices_url": f"/v1/items/{item.id}/invoices",
        "opens_url": f"/v1/items/{item.id}/links" if is_file else f"/v1/items/{item.id}/content",
        "opens_method": "POST" if is_file else "GET",
    }


def creator_view(creator: Creator) -> View:
    """A creator as templates show them."""
    title = creator.title.strip()
    return {"name": creator.name, "title": title, "initial": title[:1].upper(), "lang": language_of(title)}


def what_it_buys(item: Item) -> str:
    """`6 min read`, or `PDF, 2.1 MB`; and for how long, where that is limited."""
    if item.kind is ItemKind.FILE:
        what = f"{_media_name(item)}, {_size(item.byte_size)}"
    else:
        what = f"{max(1, ceil(item.word_count / WORDS_PER_MINUTE))} min read"
    return what if item.access_seconds is None else f"{what}, for {_duration(item.access_seconds)}"


def language_of(text: str) -> str:
    """The language that a script gives away, for fonts, line breaks and screen readers; else the page's own."""
    return next((language for language, letters in _SCRIPTS if letters.search(text)), "en")


def _waiting(invoice: Invoice, *, now: float) -> View:
    if invoice.shown_state(now) != "open":
        words = "This code expired; ask for a fresh one. If you already paid the old one, it still counts."
        return {"state": "offered", "words": words, "refresh_seconds": None}
    return {
        "state": "waiting",
        "invoice": {
            "payment_request": invoice.payment_request,
            "qr_url": f"/v1/invoices/{invoice.payment_hash}/qr.svg",
        },
        "words": "Waiting for your payment",
        "refresh_seconds": REFRESH_SECONDS,
        "scripted": False,
    }


def _media_name(item: Item) -> str:
    suffix = PurePath(item.file_name or "").suffix[1:]
    return _MEDIA_NAMES.get(item.media_type) or (suffix.upper() if 1 <= len(suffix) <= LONGEST_SUFFIX else "File")


def _size(byte_size: int) -> str:
    if byte_size < _KILO:
        return f"{byte_size} bytes"
    kilobytes = byte_size / _KILO
    return f"{kilobytes:.0f} kB" if kilobytes < _KILO else f"{kilobytes / _KILO:.1f} MB"


def _duration(seconds: int) -> str:
    for length, name in ((_DAY_SECONDS, "day"), (_HOUR_SECONDS, "hour"), (_MINUTE_SECONDS, "minute")):
        if seconds >= length:
            count = seconds // length
            return f"{count} {name}" if count == 1 else f"{count} {name}s"
    return f"{seconds} seconds"
