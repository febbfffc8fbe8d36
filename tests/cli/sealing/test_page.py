"""Sealed pages: a part opens with its key alone, and the rest of the page stays the same byte for byte."""

import json
from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalog.sealed_key import base64url, from_base64url, read_key, write_key
from gateway.cli.sealing.jwe import read, seal, unseal
from gateway.cli.sealing.leaks import PaidWords
from gateway.cli.sealing.page import MOST_PART_BYTES, read_page, write_page
from gateway.cli.sealing.tree import text_of
from gateway.errors import Invalid

KEY, OTHER_KEY = bytes(range(32)), bytes(32)
PAID = "<p>The paid words are <em>these</em>, and there are enough of them that a copy would be seen at once.</p>"
PAGE = f"""<!doctype html>\r
<html><head><title>Essay · Blog</title>
<link rel="canonical" href="https://blog.example/essay">
<meta name="description" content="What it is &amp; why">
<script>if (1 < 2) document.write("<template data-paid>");</script></head>
<body><h1>An <i>essay</i></h1><p>Free, ünd früh.</p>
<tuppence-paywall item="essay" price="100sat" theme='dark'
  creator="alice">
  <template data-paid>{PAID}<template>inner</template></template>
  <a href="https://pay.example/i/essay">Read the rest</a>
</tuppence-paywall>
<!-- <template data-paid>a comment</template> -->
<p>After &copy;</p></body></html>"""


def wall(inner: str, attributes: str = 'item="essay"') -> str:
    return f"<p>before</p><tuppence-paywall {attributes}>{inner}</tuppence-paywall><p>after</p>"


def sealed_page(source: str) -> str:
    return write_page(read_page(source), lambda paywall: seal(paywall.paid or "", KEY, item_id=paywall.item_id))


def test_a_page_says_what_it_sells() -> None:
    page = read_page(PAGE)
    assert [paywall.item_id for paywall in page.paywalls] == ["essay"]
    assert page.paywalls[0].attributes["price"] == "100sat"
    assert (page.title, page.description) == ("An essay", "What it is & why")
    assert page.canonical == "https://blog.example/essay"
    assert page.paywalls[0].paid is not None
    assert page.paywalls[0].paid.startswith(PAID)
    assert page.paywalls[0].paid.endswith("<template>inner</template>")


def test_nothing_but_the_paid_part_changes() -> None:
    part = PAGE[PAGE.index(f"<template data-paid>{PAID}") : PAGE.index("\n  <a href")]
    out = sealed_page(PAGE)
    sealed = read_page(out).paywalls[0].sealed
    assert sealed is not None
    assert out.replace(f' sealed="{sealed}"', "") == PAGE.replace(part, "")
    assert "paid words" not in out
    assert unseal(sealed, KEY) == part.removeprefix("<template data-paid>").removesuffix("</template>")


def test_a_sealed_page_is_left_as_it_is() -> None:
    once = sealed_page(PAGE)
    assert sealed_page(once) == once


def test_the_same_words_under_the_same_key_give_the_same_bytes_and_others_another_nonce() -> None:
    assert sealed_page(PAGE) == sealed_page(PAGE)
    nonces = {read(seal(f"text {n}", KEY, item_id="essay")).nonce for n in range(100)}
    assert len(nonces) == 100
    assert read(seal("text", KEY, item_id="essay")).nonce != read(seal("text", KEY, item_id="other")).nonce


@given(st.text(), st.binary(min_size=32, max_size=32))
def test_what_is_sealed_opens_with_its_key_and_with_no_other(text: str, key: bytes) -> None:
    text = text.encode("utf-8", "replace").decode()
    sealed = seal(text, key, item_id="essay")
    assert unseal(sealed, key) == text
    with pytest.raises(Invalid, match="does not open"):
        unseal(sealed, bytes(31) + bytes([key[31] ^ 1]) if key[:31] == bytes(31) else key[:31] + bytes([key[31] ^ 1]))


def test_a_changed_bit_anywhere_is_found() -> None:
    sealed = seal(PAID, KEY, item_id="essay")
    for place, letter in enumerate(sealed):
        changed = sealed[:place] + ("A" if letter != "A" else "B") + sealed[place + 1 :]
        # The last letter of a part may hold bits that no byte uses: then nothing is changed.
        if parts_of(changed) != parts_of(sealed):
            with pytest.raises(Invalid, match=r"seal the page anew|does not open"):
                unseal(changed, KEY)


def parts_of(sealed: str) -> list[bytes | str]:
    """Its five parts; empty when it has not five."""
    protected, *parts = sealed.split(".")
    return [protected, *(from_base64url(part) for part in parts)] if len(parts) == 4 else []


@pytest.mark.parametrize("wrong", ["", "a", "....", "a.b.c.d.e", "e30....", "é.b.c.d.e", "eyJraWQiOjF9...."])
def test_what_is_no_sealed_text_is_said_to_be_none(wrong: str) -> None:
    with pytest.raises(Invalid, match=r"seal the page anew|does not open"):
        unseal(wrong, KEY)


def test_the_form_is_that_of_the_standards() -> None:
    protected, encrypted_key, nonce, _, tag = seal(PAID, KEY, item_id="essay").split(".")
    header = json.loads(from_base64url(protected))
    assert header == {"alg": "dir", "enc": "A256GCM", "kid": "essay", "cty": "text/html"}
    assert encrypted_key == ""
    assert (len(from_base64url(nonce)), len(from_base64url(tag))) == (12, 16)
    jwk = json.loads(write_key("essay", KEY))
    assert jwk == {"kty": "oct", "kid": "essay", "alg": "A256GCM", "k": base64url(KEY)}
    assert read_key(jwk) == KEY


@pytest.mark.parametrize(
    "wrong", [{}, {"kty": "oct"}, [], "<p>text</p>", {"kty": "oct", "kid": "", "alg": "", "k": "AA"}]
)
def test_what_is_no_key_is_said_to_be_none(wrong: object) -> None:
    with pytest.raises(Invalid, match="did not send the key"):
        read_key(wrong)


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("<template data-paid>a</template>", "outside"),
        (wall("<template data-paid>a</template>", ""), "names no item"),
        (wall("<template data-paid>a</template>", 'item="An Essay"'), "names no item"),
        (wall("<template data-paid>  </template>"), "empty"),
        (wall("<template data-paid>a</template><template data-paid>b</template>"), "two paid parts"),
        (wall("<template data-paid>a"), "never closed"),
        (wall("<template data-paid>a</template>", 'item="essay" sealed="x"'), "sealed already"),
    ],
)
def test_a_paywall_that_would_lose_words_is_refused(source: str, what: str) -> None:
    with pytest.raises(Invalid, match=what):
        read_page(source)


def test_a_stand_is_sealed_as_an_element_is() -> None:
    inner = "<template data-paid><div>a</div></template><div>b</div>"
    out = sealed_page(f'<div data-tuppence="paywall" data-item="essay">{inner}</div><div>c</div>')
    [paywall] = read_page(out).paywalls
    tag = f'<div data-tuppence="paywall" data-item="essay" data-sealed="{paywall.sealed}">'
    assert out == f"{tag}<div>b</div></div><div>c</div>"


def test_several_paywalls_of_a_page_are_sealed_each_for_its_item() -> None:
    source = (
        wall("<template data-paid>one</template>")
        + wall("no part", 'item="two"')
        + wall("<template data-paid>three</template>", 'item="three"')
    )
    opened = [
        (paywall.item_id, paywall.sealed and unseal(paywall.sealed, KEY))
        for paywall in read_page(sealed_page(source)).paywalls
    ]
    assert opened == [("essay", "one"), ("two", None), ("three", "three")]


@pytest.mark.parametrize(
    "copy",
    [
        PAID,
        f"<html><body><nav>x</nav>{PAID}",
        f"<rss><description>{escape(PAID)}</description></rss>",
        f"<feed><content>{escape(escape(PAID))}</content></feed>",
        json.dumps({"content": text_of(PAID)}),
        json.dumps({"content": PAID.replace("e", "é").replace("é", "e", 3) + PAID}),
        text_of(PAID).upper(),
        text_of(PAID).replace(" ", "\n  "),
        text_of(PAID)[10:90],
    ],
)
def test_a_copy_of_the_paid_words_is_found_however_it_is_written(copy: str) -> None:
    assert PaidWords([PAID]).occur_in(copy)


def test_other_words_and_short_quotes_are_no_copy() -> None:
    words = PaidWords([PAID, "<p>Short.</p>"])
    for text in ("", "Short.", "The paid words are these", "lorem ipsum " * 500, sealed_page(PAGE)):
        assert not words.occur_in(text)
    assert not PaidWords([]).occur_in(PAID)


# Elements whose content is text, foreign elements, and what the tags of a page can be hidden in.
AROUND = [
    "textarea",
    "title",
    "style",
    "script",
    "xmp",
    "iframe",
    "noembed",
    "noframes",
    "noscript",
    "plaintext",
    "svg",
    "math",
]


@pytest.mark.parametrize("around", [*AROUND, "svg><desc", "math><mi", "select", "table", "frameset", "!--", "![CDATA["])
def test_a_paid_part_ends_where_browsers_end_it_or_is_refused(around: str) -> None:
    close = (
        "-->" if around == "!--" else "]]>" if "CDATA" in around else "".join(f"</{one}>" for one in around.split("><"))
    )
    for text in (
        "</template>",
        "</TEMPLATE >",
        "</tuppence-paywall>",
        "<template data-paid>",
        "</template></tuppence-paywall>",
    ):
        source = wall(f"<template data-paid>first<{around}>{text}{close}second</template>")
        try:
            out = sealed_page(source)
        except Invalid:
            continue
        assert "second" not in out, text
        assert "first" not in out, text


@pytest.mark.parametrize(
    ("source", "what"),
    [
        (wall('<template data-paid>a<tuppence-paywall item="b"></tuppence-paywall></template>'), "in its paid part"),
        (wall('<template data-paid>a<div data-tuppence="paywall"></div></template>'), "in its paid part"),
        (wall('<div data-tuppence="paywall" data-item="b"></div>'), "is inside the paywall of"),
        (wall(wall("<template data-paid>a</template>", 'item="b"')), "is inside the paywall of"),
        ('<tuppence-paywall item="essay" /><template data-paid>a</template>', "never closed"),
        ('<p><tuppence-paywall item="essay"></p><template data-paid>a</template>', "never closed"),
        ('<svg><tuppence-paywall item="essay"></tuppence-paywall></svg>', "SVG"),
        (wall("<div data-paid>a</div>"), "is a <template data-paid>"),
        (wall("<template data-paid>a</template>", 'data-item="essay"'), "write item"),
        ('<div data-tuppence="paywall" data-item="a" price="1sat"></div>', "write data-price"),
        (wall("<template data-paid>a</template>", 'item="essay" sealed'), "sealed already"),
        (wall("<template data-paid>a</template>", 'item="essay" theme='), "without a value"),
        (wall("<template data-paid><!-- a --></template>"), "empty"),
        (wall("<template data-paid>&nbsp;\n<p></p></template>"), "empty"),
        ("<meta charset=latin1>" + wall("<template data-paid>a</template>"), "latin1"),
        ('<meta http-equiv=content-type content="text/html; charset=euc-kr">' + wall("a"), "euc-kr"),
        (wall("<template data-paid>a\0b</template>"), "NUL"),
    ],
)
def test_what_two_readers_could_read_in_two_ways_is_refused(source: str, what: str) -> None:
    with pytest.raises(Invalid, match=what):
        read_page(source)


def test_the_first_of_two_attributes_of_a_name_is_the_one_that_holds_as_in_browsers() -> None:
    [paywall] = read_page(wall("<template data-paid>a</template>", 'item="one" ITEM="two"')).paywalls
    assert paywall.item_id == "one"


def test_a_page_keeps_its_mark_of_utf_8_and_its_line_ends() -> None:
    source = "\ufeff<!doctype html>\r\n" + wall("\r\n<template\r\ndata-paid>ü\r\n</template\r\n>\r\n")
    page = read_page(source)
    assert [paywall.paid for paywall in page.paywalls] == ["ü\r\n"]
    assert sealed_page(source).startswith("\ufeff<!doctype html>\r\n<p>before</p><tuppence-paywall")
    assert sealed_page(source).endswith("\r\n\r\n</tuppence-paywall><p>after</p>")


@pytest.mark.parametrize("spoiled", ["{}!", "{} ", " {}", "{}=", "{}\n", "{}é", "{}A"])
def test_what_a_browser_cannot_read_is_not_sound_to_the_sealer_either(spoiled: str) -> None:
    sealed = seal("ab", KEY, item_id="essay")
    for at in range(5):
        parts = sealed.split(".")
        parts[at] = spoiled.format(parts[at])
        if at != 1:
            with pytest.raises(Invalid, match=r"seal the page anew|does not open"):
                unseal(".".join(parts), KEY)
    other = json.dumps({"alg": "dir", "enc": "A128GCM", "kid": "essay"}).encode()
    with pytest.raises(Invalid, match="malformed"):
        read(base64url(other) + sealed[sealed.index(".") :])
    jwk = {"kty": "oct", "kid": "essay", "alg": "A256GCM", "k": base64url(KEY)}
    for change in ({"k": spoiled.format(jwk["k"])}, {"alg": "A128GCM"}, {"kty": "RSA"}):
        with pytest.raises(Invalid, match="did not send the key"):
            read_key(jwk | change)


def test_a_paid_part_larger_than_a_page_can_open_at_once_is_refused() -> None:
    read_page(wall(f"<template data-paid>{'a' * MOST_PART_BYTES}</template>"))
    with pytest.raises(Invalid, match="keep its pictures in files"):
        read_page(wall(f"<template data-paid>{'ü' * (MOST_PART_BYTES // 2 + 1)}</template>"))
