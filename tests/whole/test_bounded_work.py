"""What anybody, or a creator, sends costs the event loop no more than its size explains."""

import asyncio
import io
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from gateway.access.macaroon import MalformedMacaroon, parse
from gateway.access.recovery_codes import read_code
from gateway.app.render_process import SHORT_TEXT_BYTES, ProcessRenderer
from gateway.catalog.items import ItemEditor
from gateway.catalog.markup import render_article, render_markup
from gateway.catalog.rules import MOST_TEXT_BYTES
from gateway.catalog.slug import slug_of
from gateway.errors import Invalid
from gateway.web.admin.item_bodies import ItemRequest
from gateway.web.http.language import accepted_tags
from gateway.web.pages.share_card import excerpt
from gateway.web.serve import build_app
from tests.support.databases import put_database
from tests.support.site import Site, serve_app

MARKS = "a" + "\u0323\u0301" * 100_000
TEXT = "# A text\n\nFree.\n\n<!-- more -->\n\nPaid."
# Each of these takes minutes at this length, or gives hundreds of megabytes.
ENDLESS = {
    "quotes": "'\"a" * 80_000,
    "images": "![" * 120_000,
    "unended links": "[\n" * 120_000,
    "references": f"[a]: <{'b' * 120_000}>\n\n" + "[a] " * 30_000,
    "tables": "|a" * 500 + "\n" + "|-" * 500 + "\n" + "|\n" * 100_000,
    "nested quotes": ">" * 100 + "a\n" * 100_000,
}


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """The work is none of the database's."""
    return put_database(tmp_path / "tuppence.db")


def read_item(markdown: str) -> ItemRequest:
    body = msgspec.json.encode({"creator": "alice", "price_msat": 1000, "markdown": markdown})
    return msgspec.json.decode(body, type=ItemRequest)


@pytest.mark.parametrize(
    "work",
    [
        lambda: read_code(MARKS),
        lambda: read_code("\ufdfa" * 1_000_000),
        lambda: read_item("a" * 50_000 + "\0"),
        lambda: read_item(" " * 50_000 + "\0"),
        lambda: render_article("#" + " " * 50_000),
        lambda: render_article("---\n" + "\n---   " * 20_000),
        lambda: render_article("<!--" + " " * 50_000 + "<!--" * 10_000),
        lambda: slug_of("-" * 1_000_000, "item"),
        lambda: parse(b"\x02\x02" + b"\xff" * 200_000),
        lambda: list(accepted_tags("a," * 500_000)),
    ],
)
def test_work_on_what_is_sent_is_bounded_by_its_size(work: Callable[[], object]) -> None:
    """The processor's time, not the clock's: each took seconds to hours when it grew with the square."""
    began = time.thread_time()
    with suppress(Invalid, msgspec.ValidationError, MalformedMacaroon):
        work()
    assert time.thread_time() - began < 1.0


def test_a_view_of_a_page_does_not_read_its_whole_preview_again() -> None:
    preview = "<p>A little goes a long way.</p>" + "<p>More &amp; more.</p>" * 20_000
    began = time.thread_time()
    assert {excerpt(preview) for _ in range(200)} == {excerpt(preview[:1_000])}
    assert time.thread_time() - began < 1.0


def test_what_is_cut_in_the_middle_of_a_tag_is_described_without_it() -> None:
    long = f'<p>Words <a href="https://a.example/{"x" * 5_000}">of a link</a></p>'
    assert excerpt(long) == "Words"


@pytest.mark.parametrize("source", ENDLESS.values(), ids=ENDLESS)
async def test_a_text_that_takes_too_long_to_render_is_refused_and_holds_up_nobody(site: Site, source: str) -> None:
    parts, renderer = site.gateway, ProcessRenderer(patience_seconds=3.0)
    items = ItemEditor(parts.catalog, renderer, parts.content, parts.clock, parts.random_bytes)
    item = {"id": "endless", "creator": "alice", "price_msat": 1_000, "title": "Endless", "markdown": source}
    async with serve_app(build_app(replace(parts, items=items))) as url:
        site = replace(site, url=url)
        making = asyncio.create_task(site.call("POST", "/v1/admin/items", json=item, headers=site.operator))
        answered = 0
        while not making.done():
            assert (await site.call("GET", "/healthz"))[0] == 200
            answered += 1
        status, refusal = await making
        assert (status, refusal["code"]) == (422, "text_too_complex")
        assert answered > 10
        assert (await site.call("GET", "/v1/items/endless"))[0] == 404
        await site.sell_text(TEXT)


async def test_a_text_of_more_than_a_mebibyte_is_refused_in_words(site: Site) -> None:
    await site.sell_text(TEXT)
    long = "wörter " * (MOST_TEXT_BYTES // 8 + 1)
    item = msgspec.json.encode({"creator": "alice", "price_msat": 1_000, "title": "T", "markdown": long})
    json = site.operator | {"Content-Type": "application/json"}
    requests = [
        ("POST", "/v1/admin/items", item, json),
        ("PUT", "/v1/admin/items/welcome/content", long.encode(), site.operator),
    ]
    for method, path, body, headers in requests:
        status, refusal = await site.call(method, path, data=io.BytesIO(body), headers=headers)
        assert (status, refusal["code"]) == (413, "text_too_large")
        assert "1 MiB" in refusal["detail"]


async def test_a_free_part_that_every_view_would_carry_has_its_limit(site: Site) -> None:
    item = {"id": "free", "creator": "alice", "price_msat": 1_000, "title": "T"}
    item["markdown"] = "free words\n\n" * 60_000 + "<!-- more -->\n\nPaid."
    status, refusal = await site.call("POST", "/v1/admin/items", json=item, headers=site.operator)
    assert (status, refusal["code"]) == (422, "preview_too_long")


async def test_a_text_is_rendered_alike_whatever_its_length() -> None:
    """Short ones in a thread, others in a process; a refusal comes from there as from here."""
    rendering = ProcessRenderer()
    for times in (1, SHORT_TEXT_BYTES):
        source = "---\ntitle: One\n---\nFree “wörter”.\n\n<!-- more -->\n\n" + "Paid. " * times
        assert await rendering.article(source) == render_article(source)
        with pytest.raises(Invalid, match="front matter") as refusal:
            await rendering.article(f"---\nnonsense: 1\n---\n{source}")
        assert refusal.value.code == "article_invalid"
    markdown = "a *b*\n" * SHORT_TEXT_BYTES
    assert await rendering.markup(markdown) == render_markup(markdown)


async def test_a_short_text_is_held_to_the_limits_of_a_long_one() -> None:
    table = "|a" * 300 + "\n" + "|-" * 300 + "\n" + "|\n" * 300
    assert len(table) <= SHORT_TEXT_BYTES
    with pytest.raises(Invalid) as refusal:
        await ProcessRenderer().markup(table)
    assert refusal.value.code == "preview_too_long"


async def test_a_preview_may_be_as_long_in_a_change_as_in_a_new_item(site: Site) -> None:
    await site.sell_text("free\n\npaid", title="T")
    preview = {"preview": "free " * 20_000}
    assert (await site.call("PATCH", "/v1/admin/items/welcome", json=preview, headers=site.operator))[0] == 200
