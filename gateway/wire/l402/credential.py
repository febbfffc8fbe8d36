"""Parses `Authorization: L402 <macaroon>[,<macaroon>…]:<preimage>`, the same with LSAT, and `Bearer <macaroon>`."""

import binascii
from base64 import b64decode
from collections.abc import Iterable

from gateway.access.tokens import Credential

_MOST_TOKENS = 8
_PREIMAGE_BYTES = 32


def parse_authorization(lines: Iterable[str]) -> list[tuple[str, Credential]]:
    """Every credential of the `Authorization` headers, each with its header.

    Accepts both base64 alphabets, padded or not, and hex in either case. A header of another scheme is skipped; one
    that cannot be decoded gives a credential without a valid signature.
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
    """The bytes of a token; empty, which is not a valid macaroon, if the text is not base64."""
    standard = text.strip().replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _preimage(text: str) -> bytes:
    """32 bytes, or no bytes, which match no invoice."""
    try:
        preimage = bytes.fromhex(text)
    except ValueError:
        return b""
    return preimage if len(preimage) == _PREIMAGE_BYTES else b""
