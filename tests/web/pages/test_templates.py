"""The templates, scripts and style sheets of the pages, as files."""

import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import aiohttp_jinja2
import pytest
from aiohttp import web

from gateway.access.receipts import ReceiptShare
from gateway.money import from_sat
from gateway.rows import Creator, Invoice, InvoiceState, Item, ItemKind, ItemState, Origin, Share
from gateway.web.http.language import words_in
from gateway.web.http.render import add_templates, language_variables
from gateway.web.pages import views
from gateway.web.pages.receipt import shares_view
from gateway.web.pages.share_card import card_view

FOLDERS = [Path(__file__).parents[3] / "gateway" / name for name in ("web", "demo")]
TEMPLATES = [path for folder in FOLDERS for path in sorted((folder / "templates").glob("*.html"))]
STATIC = [path for folder in FOLDERS for path in sorted((folder / "static").rglob("*")) if path.is_file()]
# The other holds a library, which could ask more than it is asked to: that is watched in a browser.
OURS = [path for path in STATIC if path.name != "connect.js"]
HOSTILE = [
    "<script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '" autofocus onfocus="alert(1)',
    "</style><script>alert(1)</script>",
    "</textarea><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "<!--<script>",
    "]]><script>alert(1)</script>",
    "&lt;script&gt;&#x3C;script&#x3E;",
    "\u202egnp.exe",
    "<iframe srcdoc='<script>parent.x=1</script>'>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<base href=//evil.example>",
    "<form action=//evil.example><input name=x>",
    "<style>*{display:none}</style>",
    "a\nb\r\nSet-Cookie: x=1",
    "\x00<script>",
]
ENGLISH = words_in("en")
CREATOR = Creator(name="nora", title="Nora", accent="#a4552b", key_id="", key_hash="", created_at=0)
ITEM = Item(
    id="welcome",
    kind=ItemKind.TEXT,
    title="A title",
    creator="nora",
    price_msat=from_sat(100),
    preview_html="<p>Free.</p>",
    shares=(Share(creator="nora", weight=1),),
    access_seconds=None,
    media_type="text/html",
    byte_size=10,
    word_count=1200,
    file_name=None,
    digest="",
    memo=None,
    state=ItemState.ACTIVE,
    created_at=0,
    updated_at=0,
)
INVOICE = Invoice(
    payment_hash="ab" * 32,
    node_id="lnd",
    add_index=1,
    payment_request="lnbcrt1u1p5qqq",
    item_id="welcome",
    tip_to=None,
    amount_msat=from_sat(100),
    shares=ITEM.shares,
    access_seconds=None,
    origin=Origin.CHECKOUT,
    idempotency_hash=None,
    state=InvoiceState.OPEN,
    created_at=0,
    expires_at=600,
)


@pytest.mark.parametrize("words", HOSTILE)
def test_a18_texts_of_creators_and_readers_never_become_markup(words: str) -> None:
    creator = replace(CREATOR, title=words)
    pages: list[tuple[str, Any, Any]] = [
        (
            "item.html",
            views.offer_view(replace(ITEM, title=words), creator, ENGLISH, has_more=True),
            views.offer_view(ITEM, CREATOR, ENGLISH, has_more=True),
        ),
        (
            "item.html",
            views.waiting_view(ITEM, creator, replace(INVOICE, payment_request=words), ENGLISH, now=0),
            views.waiting_view(ITEM, CREATOR, INVOICE, ENGLISH, now=0),
        ),
        ("tip.html", views.tip_view(creator, ENGLISH, line=words), views.tip_view(CREATOR, ENGLISH)),
        ("tip.html", listed(words), listed("plain")),
        ("receipt.html", {"receipt": a_receipt(words)}, {"receipt": a_receipt("plain")}),
        ("item.html", carded(words), carded("plain")),
        ("recover.html", {"line": words}, {"line": "plain"}),
    ]
    for template, hostile, plain in pages:
        assert shape(render(template, hostile)) == shape(render(template, plain))


def listed(title: str) -> views.View:
    """The tip page with one item."""
    return views.tip_view(CREATOR, ENGLISH) | views.listed_view([replace(ITEM, title=title)], ENGLISH)


def carded(words: str) -> views.View:
    """An offer whose title, creator and preview are these words."""
    item, creator = replace(ITEM, title=words, preview_html=words), replace(CREATOR, title=words)
    card = card_view(item, creator, public_url="https://pay.example")
    return views.offer_view(replace(item, preview_html=""), creator, ENGLISH) | {"card": card}


def a_receipt(words: str) -> views.View:
    shares = [ReceiptShare(creator="nora", title=words, amount_msat=part) for part in (70_000, 30_000)]
    named = ["title", "amount_sat", "settled", "settled_at", "ends", "ends_at", "item_id", "payment_hash", "preimage"]
    named += ["code", "link", "qr", "host", "lang", "buys", "number", "page", "fiat", "recover_at"]
    told = {
        "seller": {"title": words, "lang": "en"},
        "note": {"message": words, "name": words},
        "contact": {"href": words, "place": words},
    }
    told["own"] = {"subject": words, "text": words, "mail": words}
    return dict.fromkeys(named, words) | {"shares": shares_view(shares, ENGLISH)} | told


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_needs_inline_script_or_style(path: Path) -> None:
    source = path.read_text()
    assert not re.search(r"\sstyle\s*=|\son[a-z]+\s*=|javascript:", source)
    assert all('nonce="{{ nonce }}"' in tag for tag in re.findall(r"<style[^>]*>", source))
    # Data is no script: no policy stops it, and nothing runs it.
    assert all("src=" in tag or "json" in tag for tag in re.findall(r"<script[^>]*>", source))


@pytest.mark.parametrize("path", [*TEMPLATES, *OURS], ids=lambda path: path.name)
def test_nothing_comes_from_a_foreign_host(path: Path) -> None:
    source = path.read_text().replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|[\"'(]//[a-z]", source)


@pytest.mark.parametrize(
    ("item", "buys"),
    [
        (ITEM, "6 min read"),
        (replace(ITEM, word_count=3), "1 min read"),
        (replace(ITEM, access_seconds=30 * 86_400), "6 min read, for 30 days"),
        (replace(ITEM, access_seconds=36 * 3_600), "6 min read, for 1 day 12 hours"),
        (replace(ITEM, access_seconds=86_399), "6 min read, for 23 hours 59 minutes 59 seconds"),
        (replace(ITEM, access_seconds=1), "6 min read, for 1 second"),
        (replace(ITEM, kind=ItemKind.FILE, media_type="application/pdf", byte_size=2_100_000), "PDF, 2.1 MB"),
        (replace(ITEM, kind=ItemKind.FILE, media_type="x/y", file_name="a.flac", byte_size=38_400), "FLAC, 38 kB"),
        (replace(ITEM, kind=ItemKind.FILE, media_type="x/y", file_name="a", byte_size=12), "File, 12 bytes"),
    ],
)
def test_the_price_stands_beside_what_it_buys(item: Item, buys: str) -> None:
    assert views.what_it_buys(item, ENGLISH) == buys
    assert buys in render("item.html", views.offer_view(item, CREATOR, ENGLISH))


@pytest.mark.parametrize(
    ("text", "language"), [("동전 하나의 무게", "ko"), ("小さなお金", "ja"), ("小钱", "zh"), ("Petite monnaie", "en")]
)
def test_a_title_has_a_lang_attribute_if_its_script_shows_the_language(text: str, language: str) -> None:
    assert views.language_of(text, "en") == language
    assert f'<h1 lang="{language}" dir="auto">' in render(
        "item.html", views.offer_view(replace(ITEM, title=text), CREATOR, ENGLISH)
    )


def test_without_scripts_the_page_of_an_open_invoice_refreshes_every_three_seconds() -> None:
    page = render("item.html", views.waiting_view(ITEM, CREATOR, INVOICE, ENGLISH, now=0))
    assert '<meta http-equiv="refresh" content="3">' in page
    assert 'value="lnbcrt1u1p5qqq"' in page
    assert "<script" not in page


def test_an_expired_invoice_is_offered_again_and_says_that_the_old_one_counts() -> None:
    page = render("item.html", views.waiting_view(ITEM, CREATOR, INVOICE, ENGLISH, now=600))
    assert "If you already paid the old one, it still counts." in page
    assert 'data-state="offered"' in page
    assert "refresh" not in page


def test_an_archived_item_shows_no_button() -> None:
    page = render("item.html", views.offer_view(replace(ITEM, state=ItemState.ARCHIVED), CREATOR, ENGLISH))
    assert "no longer for sale" in page
    assert 'action="/i/welcome" hidden' in page


def render(template: str, view: views.View) -> str:
    """A page's HTML."""
    app = web.Application()
    add_templates(app)
    return (
        aiohttp_jinja2.get_env(app)
        .get_template(template)
        .render(language_variables(ENGLISH) | {"nonce": "n", "lang": "", "may_choose": True, "wallets": list} | view)
    )


def shape(html: str) -> list[tuple[str, tuple[str, ...]]]:
    """The elements of a page with the names of their attributes, but not their words."""
    return list(_Shape(html).found())


class _Shape(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self._tags: list[tuple[str, tuple[str, ...]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tags.append((tag, tuple(name for name, _ in attrs)))

    def handle_comment(self, data: str) -> None:
        self._tags.append((f"comment {data}", ()))

    def found(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        yield from self._tags
