"""Encrypts a text as a JSON Web Encryption in compact form (RFC 7516), with `dir` and `A256GCM`.

Encryption is deterministic, so that building a site again changes nothing. The nonce is a keyed hash of the text: two
texts have the same one only if they are equal, and their equality is all that is disclosed.
"""

import hmac
from dataclasses import dataclass

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.catalog.sealed_key import base64url, from_base64url
from gateway.errors import Invalid

NONCE_BYTES, TAG_BYTES = 12, 16
_NONCE_PURPOSE = b"tuppence nonce\0"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A parsed JWE. `protected` is its encoded header, authenticated with the text; `body` includes the tag."""

    protected: str
    item_id: str
    nonce: bytes
    body: bytes


def seal(text: str, key: bytes, *, item_id: str) -> str:
    """Encrypt a text under an item's key (32 bytes). Gives the JWE."""
    header = {"alg": "dir", "enc": "A256GCM", "kid": item_id, "cty": "text/html"}
    protected = base64url(msgspec.json.encode(header))
    plain = text.encode()
    nonce = hmac.digest(key, _NONCE_PURPOSE + protected.encode() + b"\0" + plain, "sha256")[:NONCE_BYTES]
    body = AESGCM(key).encrypt(nonce, plain, protected.encode())
    parts = (nonce, body[:-TAG_BYTES], body[-TAG_BYTES:])
    return ".".join((protected, "", *(base64url(part) for part in parts)))


def unseal(sealed: str, key: bytes) -> str:
    """Decrypt a JWE. Raises `Invalid` (`seal_malformed`, `seal_broken`)."""
    parts = read(sealed)
    try:
        return AESGCM(key).decrypt(parts.nonce, parts.body, parts.protected.encode()).decode("utf-8", "replace")
    except InvalidTag as error:
        raise Invalid(
            "seal_broken",
            f"The sealed text of {parts.item_id} does not open: it was sealed with another key, or was changed.",
        ) from error


def read(sealed: str) -> Sealed:
    """Parse a JWE. Raises `Invalid` (`seal_malformed`)."""
    try:
        protected, _, nonce, body, tag = sealed.split(".")
        header = msgspec.json.decode(from_base64url(protected), type=dict[str, str])
        whole = Sealed(protected, header["kid"], from_base64url(nonce), from_base64url(body) + from_base64url(tag))
    except (ValueError, KeyError, msgspec.DecodeError) as error:
        raise Invalid("seal_malformed", "The sealed text in the page cannot be parsed; seal the page anew.") from error
    if (header.get("alg"), header.get("enc")) != ("dir", "A256GCM") or len(whole.nonce) != NONCE_BYTES:
        raise Invalid("seal_malformed", "The sealed text in the page is malformed; seal the page anew.")
    return whole
