"""A URL that somebody else named means the same host to every reader of it; a public address is one for Python too."""

from ipaddress import ip_address
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from gateway.config import load_config
from gateway.errors import Invalid
from gateway.outgoing.public_addresses import is_public
from gateway.outgoing.target import read_target

_PIECES = st.sampled_from(
    ["https://", "http://", "//", "/", "\\", "@", ":", "443", "8443", "?", "#", "[", "]", ".", "..", "%", "%40", "%2f",
     "pay.example", "PAY.example.", "127.0.0.1", "::1", "[2606:2800:21f:cb07::1]", "8.8.8.8", "0x7f", "&", "\t", "ｅ"]
)  # fmt: skip


@given(st.lists(_PIECES | st.text(max_size=2), max_size=7).map("".join), st.booleans())
def test_what_is_accepted_leads_to_the_same_host_and_port_for_every_reader(rest: str, excepted: bool) -> None:
    url = f"https://pay.example{rest}" if excepted else f"https://{rest}"
    try:
        target = read_target(url, allow=frozenset())
    except Invalid:
        return
    standard, connected = urlsplit(url), target.url
    assert standard.hostname is not None
    assert standard.hostname.removesuffix(".") == connected.raw_host == target.host.strip("[]")
    assert (standard.port or 443) == connected.port == target.port
    assert connected.raw_path_qs == (standard.path or "/") + (f"?{standard.query}" if standard.query else "")
    assert read_target(str(connected), allow=frozenset()) == target
    assert URL(str(connected)).host == connected.raw_host


@given(st.ip_addresses())
def test_no_address_is_public_that_python_knows_as_special(address: object) -> None:
    if is_public(address):  # type: ignore[arg-type]
        assert address.is_global  # type: ignore[attr-defined]
        assert not address.is_multicast  # type: ignore[attr-defined]


def test_an_address_with_a_scope_is_not_public() -> None:
    assert not is_public(ip_address("2606:4700::1%1"))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2001:4860:4860::8888", "2a00::1"]
)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    literal = f"[{address}]" if ":" in address else address
    assert read_target(f"https://{literal}", allow=frozenset()).host == literal


@pytest.mark.parametrize(
    ("allow", "url"),
    [
        ("127.0.0.1:5000", "http://127.0.0.1:5000/x"),
        ("LNbits.lan.:443 , [0::1]:80", "https://lnbits.LAN/"),
        ("LNbits.lan:443, [0::1]:80", "http://[::1]/"),
        ("abc.onion:80", "http://abc.onion/"),
        ("my_lnbits:05000", "http://my_lnbits:5000/"),
    ],
)
def test_an_exception_is_compared_by_what_it_means(allow: str, url: str) -> None:
    assert read_target(url, allow=frozenset(load_config(outgoing_allow=allow).outgoing_allow)).excepted


@pytest.mark.parametrize(
    "allow",
    ["lnbits.lan", ":80", "a:0", "a:65536", "a:http", "http://a:80", "::1:80", "[::1:80", "a b:80", "*:80", "[g]:1"],
)
def test_an_exception_that_is_no_host_and_port_is_refused_at_start(allow: str) -> None:
    with pytest.raises(Invalid, match="TUPPENCE_OUTGOING_ALLOW"):
        load_config(outgoing_allow=allow)
