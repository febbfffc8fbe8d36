"""Parses IP addresses in the spellings that proxies, sockets and headers use."""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address

_PORT = r"(?::(?:[0-9]{0,5}|_[A-Za-z0-9._-]+))?"
_BRACKETED = re.compile(rf"\[([^\]]*)\]{_PORT}")
_WITH_PORT = re.compile(rf"([0-9.]+){_PORT}")
# Azure appends the port to an IPv6 address without brackets, as a ninth group.
_NINTH_GROUP = re.compile(r"((?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}):[0-9]{1,5}")
# NAT64 maps every IPv4 client into this one IPv6 network (RFC 6052).
_TRANSLATED = ip_network("64:ff9b::/96")


def read_address(text: str | None) -> Address | None:
    """Parse `203.0.113.7:51034`, `"[2001:db8::1%25eth0]:80"`, `::ffff:203.0.113.7` and the like; None if none fits.

    Drops quotes, brackets, ports and zones. Returns an IPv4-mapped or NAT64 address as IPv4.
    """
    bare = (text or "").strip().strip('"').strip()
    for form in (_BRACKETED, _WITH_PORT, _NINTH_GROUP):
        if match := form.fullmatch(bare):
            bare = match[1]
            break
    try:
        ip = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            return ip.ipv4_mapped
        if ip in _TRANSLATED:
            return IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip


def forwarded_for(line: str) -> Iterator[str]:
    """Yield the `for` value of each element of a Forwarded header (RFC 7239), unparsed; "" for none or several."""
    for element in _split(line, ","):
        pairs = [pair.partition("=") for pair in _split(element, ";")]
        values = [value.strip() for name, _, value in pairs if name.strip().lower() == "for"]
        yield values[0] if len(values) == 1 else ""


def _split(text: str, separator: str) -> list[str]:
    """Split outside quotes. A text with an unclosed quote is ambiguous and gives one empty part."""
    parts, quoted, escaped = [""], False, False
    for letter in text:
        if escaped:
            escaped = False
        elif quoted and letter == "\\":
            escaped = True
        elif letter == '"':
            quoted = not quoted
        elif letter == separator and not quoted:
            parts.append("")
            continue
        parts[-1] += letter
    return [""] if quoted else parts
