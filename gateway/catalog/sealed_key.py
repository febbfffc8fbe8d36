"""The key of a sealed text, which is stored and sold as a JSON Web Key (RFC 7517) for AES-256-GCM."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import msgspec
from msgspec import Struct

from gateway.errors import Invalid

MEDIA_TYPE = "application/jwk+json"
KEY_BYTES = 32
PAID_ATTRIBUTE = "data-paid"
"""Marks the <template> of a page whose content is to be sealed."""
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


class Jwk(Struct):
    """A JSON Web Key: `k` is the key in base64url without padding, `kid` the id of the item."""

    kty: str
    kid: str
    alg: str
    k: str


def write_key(item_id: str, key: bytes) -> bytes:
    """Encode an item's key (32 bytes) as JSON."""
    assert len(key) == KEY_BYTES, "AES-256 has keys of 32 bytes"
    return msgspec.json.encode(Jwk(kty="oct", kid=item_id, alg="A256GCM", k=base64url(key)))


def read_key(jwk: Any) -> bytes:
    """The 32 bytes of a key, from decoded JSON. Raises `Invalid` (`seal_key_wrong`)."""
    try:
        form = msgspec.convert(jwk, Jwk)
        key = from_base64url(form.k)
    except (msgspec.ValidationError, ValueError) as error:
        raise _wrong() from error
    if len(key) != KEY_BYTES or (form.kty, form.alg) != ("oct", "A256GCM"):
        raise _wrong()
    return key


def base64url(data: bytes) -> str:
    """Encode as base64url without padding (RFC 7515)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """Decode base64url without padding. Raises `ValueError` for input that browsers refuse."""
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise ValueError("not base64url")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _wrong() -> Invalid:
    return Invalid("seal_key_wrong", "The gateway did not send the key of a sealed text; is the item of another kind?")
