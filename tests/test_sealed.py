"""A sealed page: found, taken out, opened by its key alone; the rest of the page stays byte for byte."""

import json
from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Invalid
from gateway.sealed.jwe import read, seal, unseal
from gateway.sealed.key import base64url, from_base64url, read_key, write_key
from gateway.sealed.leaks import PaidWords
from gateway.sealed.page import read_page, text_of, write_page

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
  <template data-paid>{PAID}<template>inner</template><tuppence-paywall item="x"></tuppence-paywall></template>
  <a href="https://pay.example/i/essay">Read the rest</a>
</tuppence-paywall>
<!-- <template data-paid>a comment</template> -->
<p>After &copy;</p></body></html>"""


def wall(inner: str, attributes: str = 'item="essay"') -> str:
    return f"<p>before</p><tuppence-paywall {attributes}>{inner}</tuppence-paywall><p>after</p>"


def sealed_page(source: str) -> str:
    return write_page(read_page(source), lambda till: seal(till.paid or "", KEY, item_id=till.item_id))


def test_a_page_says_what_it_sells() -> None:
    page = read_page(PAGE)
    assert [till.item_id for till in page.tills] == ["essay"]
    assert page.tills[0].attributes["price"] == "100sat"
    assert (page.title, page.description) == ("An essay", "What it is & why")
    assert page.canonical == "https://blog.example/essay"
    assert page.tills[0].paid is not None
    assert page.tills[0].paid.startswith(PAID)
    assert page.tills[0].paid.endswith('<tuppence-paywall item="x"></tuppence-paywall>')


def test_nothing_but_the_paid_part_changes() -> None:
    part = PAGE[PAGE.index(f"<template data-paid>{PAID}") : PAGE.index("\n  <a href")]
    out = sealed_page(PAGE)
    sealed = read_page(out).tills[0].sealed
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
    with pytest.raises(Invalid, match="no key"):
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
    [till] = read_page(out).tills
    assert (
        out
        == f'<div data-tuppence="paywall" data-item="essay" data-sealed="{till.sealed}"><div>b</div></div><div>c</div>'
    )


def test_several_paywalls_of_a_page_are_sealed_each_for_its_item() -> None:
    source = (
        wall("<template data-paid>one</template>")
        + wall("no part", 'item="two"')
        + wall("<template data-paid>three</template>", 'item="three"')
    )
    opened = [(till.item_id, till.sealed and unseal(till.sealed, KEY)) for till in read_page(sealed_page(source)).tills]
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
    assert PaidWords([PAID]).stand_in(copy)


def test_other_words_and_short_quotes_are_no_copy() -> None:
    words = PaidWords([PAID, "<p>Short.</p>"])
    for text in ("", "Short.", "The paid words are these", "lorem ipsum " * 500, sealed_page(PAGE)):
        assert not words.stand_in(text)
    assert not PaidWords([]).stand_in(PAID)
