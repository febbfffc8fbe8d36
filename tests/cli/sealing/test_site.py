"""The inspection of a site: every mentioned paywall is sealed, and no file contains paid words in clear."""

import base64
import bz2
import gzip
import io
import json
import lzma
import zipfile
import zlib
from collections.abc import Callable
from html import escape
from pathlib import Path
from urllib.parse import quote

import pytest

from gateway.cli.sealing.file_texts import PIECE_BYTES
from gateway.cli.sealing.inspection import Inspection, inspect
from gateway.cli.sealing.page import read_page, write_page
from gateway.cli.sealing.site import files_of
from gateway.errors import Invalid

PAID = "<p>The paid words are <em>these</em>, naïve &amp; früh, and there are enough that a copy would be seen.</p>"
WORDS = "The paid words are these, naïve & früh, and there are enough that a copy would be seen."
PAGE = (
    "<!doctype html><title>An essay</title><p>Free.</p><tuppence-paywall item='essay'>"
    f"<template data-paid>{PAID}</template><a href='/i/essay'>Read</a></tuppence-paywall>"
)
SEALED = write_page(read_page(PAGE), lambda _: "e30..AAAA.AAAA.AAAA")


def zipped(data: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inside.json", data)
    return target.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".zz": zlib.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zip": zipped,
    ".gz.gz": lambda data: gzip.compress(gzip.compress(data)),
}


@pytest.fixture
def public(tmp_path: Path) -> Path:
    """A site with one paid part, and a picture."""
    folder = tmp_path / "public"
    (folder / "essay").mkdir(parents=True)
    (folder / "essay" / "index.html").write_text(PAGE)
    (folder / "moon.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 64)
    return folder


def seen(public: Path, *unsealed: str) -> Inspection:
    return inspect(files_of([public], None), unsealed)


def refusal(public: Path) -> str:
    try:
        seen(public).check(allow_copies=False)
    except Invalid as error:
        return error.code
    return ""


def test_a_site_with_its_paid_part_in_place_alone_is_sound(public: Path) -> None:
    (public / "style.css").write_text("tuppence-paywall { display: block } [data-tuppence='paywall'] { margin: 0 }")
    (public / "embed.js").write_text('customElements.define("tuppence-paywall", Paywall)')
    (public / "about.html").write_text("<p>Tuppence, paid or unpaid: see our [terms], {{ braces }} and {% all %}.</p>")
    assert refusal(public) == ""
    assert seen(public).unread == {}


NAMES = [
    "<tuppence-paywall item=x>words</tuppence-paywall>",
    "<TUPPENCE-PAYWALL\n ITEM='x' />",
    "<div class='a' data-tuppence=paywall data-item='x'>words</div>",
    '<div DATA-TUPPENCE = "Paywall">words</div>',
    "<template data-paid>words</template>",
    "<!-- <tuppence-paywall item='x'> -->",
    "<noscript><tuppence-paywall item='x'></tuppence-paywall></noscript>",
    "<textarea><tuppence-paywall item='x'></tuppence-paywall></textarea>",
    "&lt;tuppence-paywall item='x'&gt;",
    "&amp;lt;tuppence-paywall item='x'&amp;gt;",
    "&#60;tuppence-paywall&#62;",
    json.dumps({"html": "<tuppence-paywall>"}).replace("<", "\\u003c"),
    '_jsx("tuppence-paywall", {item: "x"})',
    quote("<tuppence-paywall item='x'>"),
    "{{< paid >}}words{{< /paid >}}",
    "{{% paid %}}words{{% /paid %}}",
    "{{&lt; paid &gt;}}words",
    "{% capture paid %}words{% endcapture %}",
    "{%- include paid.html -%}",
    "{% paid %}words{% endpaid %}",
    '<Paid item="x">words</Paid>',
    "&lt;Paid item=x&gt;",
    "<p><!-- raw HTML omitted -->words<!-- raw HTML omitted --></p>",
    '{"isAccessibleForFree":false,"hasPart":{"isAccessibleForFree":false,"cssSelector":".paywall"}}',
]
FILES = [
    "a.html",
    "a.HTM",
    "a.xhtml",
    "a.shtml",
    "feed.xml",
    "a.json",
    "a.jsonl",
    "a.md",
    "a.mdx",
    "a.txt",
    "a.js",
    "a",
]


@pytest.mark.parametrize("text", NAMES)
def test_what_names_a_paywall_in_whatever_spelling_and_holds_no_sealed_part_is_refused(public: Path, text: str) -> None:
    for name in FILES:
        (public / name).write_text(f"Free words. {text} More.")
        try:
            code = refusal(public)
        except Invalid as error:
            code = error.code
        # A page that says nothing else is left to what the gateway says of its item.
        paywalls = (
            [paywall for file in files_of([public], None) if file.page for paywall in file.page.paywalls]
            if code == ""
            else []
        )
        assert code in {"paywall_unsealed", "page_invalid"} or any(paywall.text is None for paywall in paywalls), name
        (public / name).unlink()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "latin-1"])
def test_a_paywall_is_named_in_whatever_encoding(public: Path, encoding: str) -> None:
    (public / "other.html").write_bytes(PAGE.replace("essay", "other").encode(encoding))
    try:
        code = refusal(public)
    except Invalid as error:
        code = error.code
    # UTF-8 with a mark in front is as good as without.
    assert code == ("" if encoding == "utf-8-sig" else code)
    assert code in {"paywall_unsealed", "page_invalid", "paid_words_in_clear", ""}
    assert (code == "") == (encoding == "utf-8-sig")


def test_a_paywall_without_a_part_may_be_meant_and_is_said_by_its_place(public: Path) -> None:
    (public / "docs.html").write_text("<pre>&lt;tuppence-paywall item=x&gt;</pre>")
    assert [*seen(public).unsealed] == ["docs.html"]
    assert seen(public, "docs.*").unsealed == {}


COPIES = {
    "text": WORDS,
    "html": f"<meta name='description' content='{WORDS}'>",
    "feed": f"<content>{escape(escape(PAID))}</content>",
    "json": json.dumps({"text": WORDS, "html": PAID}),
    "json in json": json.dumps({"data": json.dumps({"text": WORDS.replace(", ", ',\n"')})}),
    "markdown": "The **paid** words are [these](https://blog.example/a/long/address), naïve & früh, and there are "
    "enough that a copy would be seen.",
    "address": f"https://x.example/?text={quote(WORDS)}",
    "soft": WORDS.replace("enough", "e\u00adno\u200bugh").replace(" ", "\u00a0\n"),
    "decomposed": WORDS.replace("ü", "u\u0308").replace("ï", "i\u0308"),
    "capitals": WORDS.upper(),
}


@pytest.mark.parametrize("copy", COPIES)
@pytest.mark.parametrize("name", ["copy.html", "copy.mdx", "copy.jsonl", "copy.bin", "copy", "essay/copy.pf_fragment"])
def test_a_copy_of_paid_words_is_found_in_a_file_of_whatever_name(public: Path, name: str, copy: str) -> None:
    (public / name).write_text(COPIES[copy])
    assert (refusal(public), seen(public).copies) == ("paid_words_in_clear", [name])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_a_copy_of_paid_words_is_found_in_whatever_encoding_and_in_a_binary(public: Path, encoding: str) -> None:
    data = WORDS.encode(encoding)
    for around in (b"", b"\x00\x01\x02", b"\xff\xd8\xff" + bytes(range(256))):
        (public / "copy.dat").write_bytes(around + data + around)
        assert seen(public).copies == ["copy.dat"], around


def test_a_copy_in_another_script_is_found_in_utf_16_too(public: Path) -> None:
    words = "작은 돈은 큰돈보다 내기 어렵다. 아무도 그 길을 만들지 않았기 때문이다. 그래서 우리는 장부를 만들었다."
    (public / "essay" / "index.html").write_text(PAGE.replace(PAID, f"<p>{words}</p>"))
    for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
        (public / "copy.dat").write_bytes(b"\x00\x01" + words.encode(encoding))
        assert seen(public).copies == ["copy.dat"], encoding


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize("source", [PAGE, json.dumps({"text": WORDS})])
def test_a_packed_copy_is_unpacked_and_looked_through(public: Path, suffix: str, source: str) -> None:
    (public / "essay" / f"index.html{suffix}").write_bytes(PACKERS[suffix](source.encode()))
    assert refusal(public) in {"paywall_unsealed", "paid_words_in_clear"}


def test_a_packed_copy_of_the_sealed_page_is_sound(public: Path) -> None:
    (public / "essay" / "index.html.gz").write_bytes(gzip.compress(SEALED.encode()))
    assert refusal(public) == ""


@pytest.mark.parametrize("suffix", [".br", ".zst", ".gz", ".deflate"])
def test_a_copy_that_cannot_be_unpacked_is_refused_beside_a_page_that_sells_and_said_elsewhere(
    public: Path, suffix: str
) -> None:
    (public / "style.css").write_text("p { margin: 0 }")
    (public / f"style.css{suffix}").write_bytes(b"\x0b\x02\x80nonsense")
    assert refusal(public) == ""
    assert [*seen(public).unread] == [f"style.css{suffix}"]
    for name in ("essay/index.html", "search.json"):
        copy = public / f"{name}{suffix}"
        copy.write_bytes(b"\x0b\x02\x80nonsense")
        assert refusal(public) == "file_unreadable"
        copy.unlink()


def test_a_copy_is_found_where_a_large_file_is_read_in_pieces(public: Path) -> None:
    for at in (0, PIECE_BYTES - 40, PIECE_BYTES, 3 * PIECE_BYTES - 10):
        data = b"lorem ipsum " * (PIECE_BYTES // 3)
        (public / "copy.log").write_bytes(data[:at] + WORDS.encode() + data[at:])
        assert seen(public).copies == ["copy.log"], at


def test_a_short_part_is_looked_for_as_a_whole_and_what_pictures_say_too(public: Path) -> None:
    page = public / "essay" / "index.html"
    page.write_text(PAGE.replace(PAID, "<p>The door is blue.</p><img alt='A blue door in an old stone wall'>"))
    for copy in ("the door is blue", "a blue door in an old stone wall"):
        (public / "index.json").write_text(json.dumps({"text": f"Before. {copy}. After."}))
        assert seen(public).copies == ["index.json"]


def test_work_on_a_long_line_is_bounded_by_its_size(public: Path) -> None:
    for text in (
        "A" * 3_000_000,
        "<" * 300_000,
        "&" * 300_000,
        "\\" * 300_000,
        "%" * 300_000,
        "#" * 300_000,
        "![" * 99_999,
    ):
        (public / "copy.txt").write_text(text)
        assert refusal(public) == ""


def test_a_linked_folder_is_looked_through_and_a_circle_ends(public: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "copy.txt").write_text(WORDS)
    (public / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(public)
    assert "linked/copy.txt" in seen(public).copies


def test_base64_is_no_hiding_place_for_the_page_itself(public: Path) -> None:
    (public / "page.mhtml").write_text(base64.b64encode(PAGE.encode()).decode())
    assert refusal(public) in {"paywall_unsealed", "paid_words_in_clear"}


def test_a_paid_part_from_which_tags_were_dropped_is_not_sold_as_whole(public: Path) -> None:
    (public / "essay" / "index.html").write_text(PAGE.replace(PAID, f"{PAID}<!-- raw HTML omitted -->"))
    assert refusal(public) == "paywall_unsealed"
    assert seen(public, "essay/*").unsealed == {}
