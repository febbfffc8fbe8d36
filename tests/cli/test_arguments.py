"""Parsing of addresses, ids, hashes and amounts as people type or paste them; ids from titles of every script."""

import pytest

from gateway.catalog.rules import SLUG, WEB_ORIGIN
from gateway.catalog.slug import slug_of
from gateway.cli.arguments import (
    creator_of,
    invoice_of,
    item_id_of,
    item_or_creator_of,
    origin_of,
    payment_hash_of,
    site_of,
)
from gateway.cli.catalog import shares_of
from gateway.errors import Invalid
from gateway.money import parse_price


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://blög.example", "https://xn--blg-tna.example"),
        ("例え.jp", "https://xn--r8jz45g.jp"),
        (" HTTPS://Blog.Example:443/essays/?a=b#c ", "https://blog.example"),
        ("blog.example/", "https://blog.example"),
        ("http://localhost:1313/", "http://localhost:1313"),
        ("http://blog.example:80", "http://blog.example"),
        ("https://[::1]:8080/", "https://[::1]:8080"),
    ],
)
def test_an_address_in_any_spelling_is_the_origin_that_browsers_send(text: str, origin: str) -> None:
    assert origin_of(text) == origin
    assert WEB_ORIGIN.fullmatch(origin)


def test_the_address_of_a_site_keeps_its_folder() -> None:
    assert site_of("https://Blög.example/Sub/ ") == "https://xn--blg-tna.example/Sub"


@pytest.mark.parametrize(
    "text",
    ["", "ftp://x", "https://a b", "user@host", "https://u:p@x.y", "https://x..y", "https:/x", "https://x:99999"],
)
def test_what_is_no_address_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Invalid, match=r"https://blog\.example"):
        origin_of(text)


def test_an_item_is_found_by_its_id_and_by_its_addresses() -> None:
    for text in ("essay", " Essay ", "https://pay.example/i/essay", "pay.example/pay/i/essay?x=1#t", "/i/essay/"):
        assert item_id_of(text) == item_or_creator_of(text) == "essay"
    assert item_id_of("https://pay.example/v1/items/essay/content") == "essay"


def test_a_creator_is_found_by_name_handle_and_address() -> None:
    for text in ("nora", "@nora", "@Nora ", "https://pay.example/t/nora"):
        assert creator_of(text) == "nora"
    assert item_or_creator_of("@nora") == item_or_creator_of("https://pay.example/t/nora/") == "@nora"
    assert [share["creator"] for share in shares_of("alice", ["@bob=30%"]) or []] == ["alice", "bob"]


def test_a_payment_hash_may_be_shortened_and_in_capitals() -> None:
    assert payment_hash_of(f" 0x{'AB' * 32}\n") == "ab" * 32
    assert payment_hash_of("abcdef01…") == "abcdef01"
    for text in ("", "abc", "essay", "ab" * 33):
        with pytest.raises(Invalid):
            payment_hash_of(text)


def test_an_invoice_is_read_as_a_code_or_a_link_gives_it() -> None:
    for text in ("LNBC1ABC", "lightning:lnbc1abc", "LIGHTNING:LNBC1ABC ", "lightning://lnbc1\nabc"):
        assert invoice_of(text) == "lnbc1abc"


@pytest.mark.parametrize("text", ["100 sat", "100 SATS", "100 satoshi", "100\u00a0sats", "100000 msat"])
def test_a_price_is_read_in_every_spelling_of_its_unit(text: str) -> None:
    assert parse_price(text) == 100_000


@pytest.mark.parametrize("text", ["100", "0.5", "0.5sat", "₿", "₿100", "1.000sat", "1,000sat", "0sat", "٥sat", "-1sat"])
def test_an_amount_that_could_mean_two_things_is_asked_for_again(text: str) -> None:
    with pytest.raises(ValueError, match="sat"):
        parse_price(text)


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Über Café", "uber-cafe"),
        ("Straße nach Łódź", "strasse-nach-lodz"),
        ("Don’t panic", "dont-panic"),
        ("Ｆｕｌｌ width", "full-width"),
        ("한국어 소설", "item-1"),
        ("مقدمة", "item-1"),
        ("日本の旅 2024", "item-1"),
        ("🎈🎈", "item-1"),
        ("🎈 A party", "a-party"),
        ("Ελληνικά a", "item-1"),
        ("…", "item-1"),
    ],
)
def test_a_title_of_any_script_gives_an_id_that_means_it_or_none(title: str, slug: str) -> None:
    assert slug_of(title, "item-1") == slug
    assert SLUG.fullmatch(slug)
