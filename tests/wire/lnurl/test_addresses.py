"""Lightning Addresses and LNURLs, against the example of LUD-01 and another implementation of bech32."""

from contextlib import suppress

import pytest
from bech32 import bech32_encode, convertbits
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.lnurl.addresses import LONGEST_LNURL, read_address, read_lnurl, write_lnurl

SERVICE = "https://service.com/api?q=3fc3645b439ce8e7f2553a69e5267081d96dcd340693afabe04be7b0ccd178df"
LNURL = (
    "LNURL1DP68GURN8GHJ7UM9WFMXJCM99E3K7MF0V9CXJ0M385EKVCENXC6R2C35XVUKXEFCV5MKVV34X5EKZD3EV56NYD3HXQURZEPEXEJXXEPNXSCR"
    "VWFNV9NXZCN9XQ6XYEFHVGCXXCMYXYMNSERXFQ5FNS"
)


@pytest.mark.parametrize(
    "text",
    [
        LNURL,
        LNURL.lower(),
        f"https://shop.example/?id=1&lightning={LNURL}",
        f"http://a.example/x?lightning={LNURL}&y=1#z",
    ],
)
def test_the_example_of_the_specification_reads_as_it_says(text: str) -> None:
    assert read_lnurl(text) == SERVICE
    assert write_lnurl(SERVICE) == LNURL.lower()


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("lnurlp://pay.example/a?b=c", "https://pay.example/a?b=c"),
        ("LNURLP://Pay.example:8443", "https://Pay.example:8443"),
        ("lnurlp://abc.onion:80/x", "http://abc.onion:80/x"),
        ("lnurlp://abc.onion.example/x", "https://abc.onion.example/x"),
    ],
)
def test_a_link_stands_for_https_and_for_http_where_tor_encrypts(link: str, url: str) -> None:
    assert read_lnurl(link) == url


def other_encode(data: bytes) -> str:
    words = convertbits(data, 8, 5)
    assert words is not None
    return bech32_encode("lnurl", words)


@given(st.text(max_size=300))
def test_every_url_comes_back_and_other_implementations_write_the_same(url: str) -> None:
    assert read_lnurl(write_lnurl(url)) == url
    assert write_lnurl(url) == other_encode(url.encode())


@given(st.text() | st.binary(max_size=60).map(other_encode))
def test_whatever_is_read_as_an_lnurl_is_text_or_refused(text: str) -> None:
    with suppress(ValueError):
        assert read_lnurl(write_lnurl(read_lnurl(text))) == read_lnurl(text)


@pytest.mark.parametrize(
    "text",
    ["", "lnurl", LNURL[:-1] + "Q", LNURL[:9].lower() + LNURL[9:], "lnbc1qqqqqq", "lnurlw://pay.example/", "lnurlp://",
     "lnurl1" + "q" * LONGEST_LNURL, f"https://a.example/?lightning={LNURL}x", "https://pay.example/"],
)  # fmt: skip
def test_what_is_no_lnurl_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_lnurl(text)


@pytest.mark.parametrize(
    ("text", "address", "url"),
    [
        ("alice@pay.example", "alice@pay.example", "https://pay.example/.well-known/lnurlp/alice"),
        ("Alice@PAY.example.", "alice@pay.example", "https://pay.example/.well-known/lnurlp/alice"),
        (
            "a_l-i.c3+tips@x.example:443",
            "a_l-i.c3+tips@x.example",
            "https://x.example/.well-known/lnurlp/a_l-i.c3+tips",
        ),
        ("a@127.0.0.1:5000", "a@127.0.0.1:5000", "https://127.0.0.1:5000/.well-known/lnurlp/a"),
    ],
)
def test_an_address_has_one_form(text: str, address: str, url: str) -> None:
    read = read_address(text)
    assert (str(read), read.url()) == (address, url)
    assert read_address(str(read)) == read


@pytest.mark.parametrize(
    "text",
    ["", "alice", "@pay.example", "alice@", "a@b@c", "al ice@pay.example", "alice@pay.example/x", "ünal@pay.example",
     "alice@münchen.example", "alice@[::1]", "alice@pay.example:", "alice@pay.example?x", "a%40b@pay.example",
     "a\n@pay.example", f"{'a' * 65}@pay.example", f"a@{'b' * 320}", "\u212a@pay.example"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"name@example\.com"):
        read_address(text)
