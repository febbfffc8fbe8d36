"""`Authorization: L402 <macaroon>[,<macaroon>…]:<preimage>`, LSAT alike, and `Bearer <macaroon>`."""

import binascii
from base64 import b64decode
from collections.abc import Iterable

from gateway.access.tokens import Credential

_MOST_TOKENS = 8
_PREIMAGE_BYTES = 32


def parse_authorization(lines: Iterable[str]) -> list[tuple[str, Credential]]:
    """Every credential of the `Authorization` lines that can be read, each with its line.

    Both base64 alphabets are taken, padded or not, hex in either case; a line in another scheme is passed over, one
    that cannot be decoded gives a credential that no key signed.
    """
    found: list[tuple[str, Credential]] = []
    for line in lines:
        scheme, _, rest = line.strip().partition(" ")
        if scheme.lower() in {"l402", "lsat"}:
            tokens, _, preimage = rest.strip().rpartition(":")
            proof = _preimage(preimage)
            found += [(line, Credential(decode_token(token), proof)) for token in tokens.split(",", _MOST_TOKENS)]
        elif scheme.lower() == "bearer":
            found.append((line, Credential(decode_token(rest), None)))
    return found[:_MOST_TOKENS]


def decode_token(text: str) -> bytes:
    """A token's bytes; empty, which is no macaroon, where the text is no base64."""
    standard = text.strip().replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _preimage(text: str) -> bytes:
    """32 bytes, or empty bytes that are no invoice's preimage."""
    try:
        preimage = bytes.fromhex(text)
    except ValueError:
        return b""
    return preimage if len(preimage) == _PREIMAGE_BYTES else b""
