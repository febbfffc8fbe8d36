"""Macaroons in the binary format V2 of gopkg.in/macaroon.v2: this gateway's tokens and LND's credentials.

Layout: 02 | 01 varint location? | 02 varint identifier | 00 | (02 varint caveat | 00)* | 00 | 06 20 signature.
Third-party caveats are not supported: a macaroon with one is malformed.
"""

import hmac
from dataclasses import dataclass
from hashlib import sha256

_VERSION = 2
_END, _LOCATION, _IDENTIFIER, _SIGNATURE = 0, 1, 2, 6
_LONGEST_SHIFT = 28
# The libraries derive the HMAC key from the root key with this label; the specification's text omits it.
_KEY_LABEL = b"macaroons-key-generator"


class MalformedMacaroon(ValueError):
    """The bytes are not a V2 macaroon with first-party caveats."""


@dataclass(frozen=True, slots=True)
class Macaroon:
    """An identifier, first-party caveats in order, and the 32-byte signature over them."""

    identifier: bytes
    caveats: tuple[bytes, ...]
    signature: bytes

    def to_bytes(self, *, location: bytes = b"") -> bytes:
        """The binary form V2. An empty location is left out."""
        caveats = b"".join(_field(_IDENTIFIER, caveat) + b"\0" for caveat in self.caveats)
        place = _field(_LOCATION, location) if location else b""
        head = bytes((_VERSION,)) + place + _field(_IDENTIFIER, self.identifier) + b"\0"
        return head + caveats + b"\0" + _field(_SIGNATURE, self.signature)

    def verify(self, root_key: bytes) -> bool:
        """Whether this root key signed the identifier and the caveats; compares in constant time."""
        return hmac.compare_digest(_sign(root_key, self.identifier, self.caveats), self.signature)


def mint(root_key: bytes, identifier: bytes, caveats: tuple[bytes, ...]) -> Macaroon:
    """Sign an identifier and its first caveats."""
    return Macaroon(identifier, caveats, _sign(root_key, identifier, caveats))


def attenuate(macaroon: Macaroon, caveat: bytes) -> Macaroon:
    """Add a caveat. Any holder can, without the root key."""
    signature = hmac.digest(macaroon.signature, caveat, sha256)
    return Macaroon(macaroon.identifier, (*macaroon.caveats, caveat), signature)


def parse(data: bytes) -> Macaroon:
    """Read a binary V2 macaroon. Raises MalformedMacaroon."""
    if not data or data[0] != _VERSION:
        msg = "not a macaroon of version 2"
        raise MalformedMacaroon(msg)
    kind, identifier, at = _read(data, 1)
    if kind == _LOCATION:
        kind, identifier, at = _read(data, at)
    if kind != _IDENTIFIER:
        msg = "the macaroon has no identifier"
        raise MalformedMacaroon(msg)
    at = _expect_end(data, at)
    caveats: list[bytes] = []
    while at < len(data) and data[at] != _END:
        kind, caveat, at = _read(data, at)
        if kind == _LOCATION:
            kind, caveat, at = _read(data, at)
        if kind != _IDENTIFIER:
            msg = "a caveat has no identifier"
            raise MalformedMacaroon(msg)
        at = _expect_end(data, at)
        caveats.append(caveat)
    kind, signature, at = _read(data, _expect_end(data, at))
    if kind != _SIGNATURE or len(signature) != sha256().digest_size or at != len(data):
        msg = "the macaroon's signature is not 32 bytes at its end"
        raise MalformedMacaroon(msg)
    return Macaroon(identifier, tuple(caveats), signature)


def _sign(root_key: bytes, identifier: bytes, caveats: tuple[bytes, ...]) -> bytes:
    # Not `hmac.digest`: it releases the interpreter's lock, and waiting for it again takes longer than the hash.
    signature = hmac.new(_KEY_LABEL, root_key, sha256).digest()
    for message in (identifier, *caveats):
        signature = hmac.new(signature, message, sha256).digest()
    return signature


def _field(kind: int, value: bytes) -> bytes:
    length, prefix = len(value), bytearray((kind,))
    while length > 0x7F:
        prefix.append(length & 0x7F | 0x80)
        length >>= 7
    prefix.append(length)
    return bytes(prefix) + value


def _read(data: bytes, at: int) -> tuple[int, bytes, int]:
    """The type and value of the field at a position, and the position after it."""
    try:
        kind, length, shift = data[at], 0, 0
        while True:
            at += 1
            if shift > _LONGEST_SHIFT:
                msg = "a length in the macaroon is no length"
                raise MalformedMacaroon(msg)
            length |= (data[at] & 0x7F) << shift
            if data[at] < 0x80:
                break
            shift += 7
    except IndexError as error:
        msg = "the macaroon ends early"
        raise MalformedMacaroon(msg) from error
    at += 1
    if kind == _END or at + length > len(data):
        msg = "the macaroon ends early"
        raise MalformedMacaroon(msg)
    return kind, data[at : at + length], at + length


def _expect_end(data: bytes, at: int) -> int:
    if at >= len(data) or data[at] != _END:
        msg = "a section of the macaroon does not end where it should"
        raise MalformedMacaroon(msg)
    return at + 1
