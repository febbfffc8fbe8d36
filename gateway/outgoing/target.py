"""Reading a URL that somebody else named: which host and port it leads to, and whether they may be asked."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from yarl import URL

from gateway.errors import Invalid
from gateway.outgoing.public_addresses import is_public

LONGEST_URL = 4096
_PORTS = {"https": 443, "http": 80}
# RFC 3986 without a user, and in ASCII. What follows the host is sent as it is.
_URL = re.compile(
    r"(?P<scheme>[A-Za-z]+)://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[!-~]*)?(?P<query>\?[!-~]*)?"
)
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?")
# Resolvers read `2130706433`, `0x7f.1` and `0177.0.0.1` as addresses (the "ends in a number" of WHATWG's URL standard).
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# Names that only the own machine or network resolves: RFC 6761, 6762, 7686, 8375, 9476, and ICANN's `internal`.
_INWARD_NAMES = (".localhost", ".local", ".internal", ".home.arpa", ".onion", ".alt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An address that may be asked. `excepted`: the operator named it, so it may be inward, or without TLS."""

    url: URL
    host: str
    port: int
    excepted: bool


def read_target(url: str, *, allow: frozenset[str]) -> Target:
    """Read a URL, and refuse what shows in it already; what its name resolves to is judged when it is connected to.

    `allow` is what TUPPENCE_OUTGOING_ALLOW names, as `host:port`. Raises `Invalid` (`url_refused`).
    """
    match = _URL.fullmatch(url.partition("#")[0]) if len(url) <= LONGEST_URL else None
    scheme = match["scheme"].lower() if match else ""
    if match is None or scheme not in _PORTS:
        raise _refused("is no URL that can be asked: write it like https://pay.example/path, without user or password")
    host = match["host"].lower().removesuffix(".")
    port = int(match["port"] or _PORTS[scheme])
    address = _read_host(host)
    if address is not None:
        host = str(address) if address.version == 4 else f"[{address}]"
    if not 0 < port < 65_536:
        raise _refused("names a port that does not exist")
    excepted = f"{host}:{port}" in allow
    if not excepted:
        _check_outward(scheme, host, address)
    authority = host if port == _PORTS[scheme] else f"{host}:{port}"
    # `encoded`: nothing of it is decoded, normalised or read in another way than here.
    parsed = URL(f"{scheme}://{authority}{match['path'] or '/'}{match['query'] or ''}", encoded=True)
    assert (parsed.raw_host, parsed.port) == (host.strip("[]"), port)
    return Target(url=parsed, host=host, port=port, excepted=excepted)


def _read_host(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a host literally is; None for a name. Raises `Invalid` for what is neither."""
    labels = host.split(".")
    try:
        if host.startswith("["):
            return IPv6Address(host[1:-1])
        if _NUMBER.fullmatch(labels[-1]):
            return IPv4Address(host)
    except ValueError as error:
        raise _refused("names an address that is not written as one") from error
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _refused("names a host that cannot be one")
    return None


def _check_outward(scheme: str, host: str, address: IPv4Address | IPv6Address | None) -> None:
    """Refuse what is inward whatever it resolves to."""
    if scheme != "https":
        raise _refused("is not https")
    inward_name = "." not in host or host.endswith(_INWARD_NAMES)
    if inward_name if address is None else not is_public(address):
        raise _refused(f"leads to {host}, which is not on the public internet")


def _refused(what: str) -> Invalid:
    return Invalid(
        "url_refused",
        f"The address {what}. The operator can allow a host and port of the own network with TUPPENCE_OUTGOING_ALLOW.",
    )
