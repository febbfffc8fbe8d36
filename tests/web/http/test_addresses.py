"""Client addresses: each spelling of an address gives the same network, and other text gives None."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.limits.client_keys import network_of
from gateway.web.http.addresses import forwarded_for, read_address
from tests.support.clock import cpu_seconds

V4 = [
    "203.0.113.7", "203.0.113.7:51034", "203.0.113.7:", "203.0.113.7:0", " 203.0.113.7 ", '"203.0.113.7:80"',
    "[203.0.113.7]:80", "203.0.113.7:_hidden", "::ffff:203.0.113.7", "[::ffff:203.0.113.7]:443", "::FFFF:cb00:7107",
    "64:ff9b::203.0.113.7",
    "\t203.0.113.7\t", '" 203.0.113.7 "', "::ffff:203.0.113.7%eth0",
]  # fmt: skip
V6 = [
    "2001:db8:1::7", "[2001:db8:1::7]", "[2001:db8:1::7]:4711", '"[2001:db8:1::7]:4711"', "2001:DB8:1:0:0:0:0:7",
    "2001:db8:1::7%eth0", "[2001:db8:1::7%25eth0]:80", "2001:db8:1:0:0:0:0:7:51034", "[2001:db8:1::7]:",
]  # fmt: skip
NONE = [
    None, "", " ", "unknown", "_hidden", "nonsense", "localhost", "unix:", "unix:/run/nginx.sock", "/run/admin.sock",
    "@", "203.0.113", "203.0.113.256", "203.0.113.7 51034", "203.0.113.7/24", "[203.0.113.7", "2001:db8::1]:80",
    "[]:80", "%eth0", "203.0.113.7:99999999", "203.0.113.7:http", "２０３.0.113.7", "for=203.0.113.7",
    "203.0.113.7, 203.0.113.8",
    "\x00",
]  # fmt: skip


def network(text: str | None) -> str | None:
    address = read_address(text)
    return None if address is None else network_of(address)


@pytest.mark.parametrize("text", V4)
def test_an_ipv4_client_is_the_same_network_however_it_is_written(text: str) -> None:
    assert network(text) == network("203.0.113.99") is not None


@pytest.mark.parametrize("text", V6)
def test_an_ipv6_client_is_the_same_network_however_it_is_written(text: str) -> None:
    assert network(text) == network("2001:db8:1:ffff::1") is not None


@pytest.mark.parametrize("text", NONE)
def test_other_text_is_not_an_address(text: str | None) -> None:
    assert network(text) is None


@given(st.ip_addresses(), st.integers(min_value=0, max_value=65_535))
def test_a_port_does_not_change_the_network(ip: object, port: int) -> None:
    written = f"[{ip}]:{port}" if ":" in str(ip) else f"{ip}:{port}"
    assert network(written) == network(str(ip)) is not None


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    read_address(text)
    list(forwarded_for(text))


@pytest.mark.parametrize(
    ("line", "hops"),
    [
        ("for=203.0.113.7", ["203.0.113.7"]),
        ('For="[2001:db8::1]:4711";proto=https;by=10.0.0.1', ['"[2001:db8::1]:4711"']),
        ("for=1.2.3.4, for=203.0.113.7 ; host=a", ["1.2.3.4", "203.0.113.7"]),
        ('for=1.2.3.4;secret="a,b;for=6.6.6.6", for=203.0.113.7', ["1.2.3.4", "203.0.113.7"]),
        ('for=1.2.3.4;secret="a\\", for=6.6.6.6"', ["1.2.3.4"]),
        ('for=6.6.6.6;x=", for=203.0.113.7', [""]),
        ("for=6.6.6.6;for=203.0.113.7", [""]),
        ("proto=https", [""]),
        ("", [""]),
        ("for=unknown", ["unknown"]),
    ],
)
def test_a_forwarded_header_gives_one_hop_for_each_element(line: str, hops: list[str]) -> None:
    assert list(forwarded_for(line)) == hops


@pytest.mark.parametrize("line", ['"\\' * 4_000, '"' * 8_001, "for=" * 2_000, ";," * 4_000, "[" * 8_000])
def test_a_header_costs_no_more_than_its_length(line: str) -> None:
    assert cpu_seconds(lambda: [read_address(hop) for hop in (line, *forwarded_for(line))]) < 1.0
