"""The port for the keys behind access tokens."""

from collections.abc import Mapping
from typing import Protocol, Self


class KeyRing(Protocol):
    """The keys from which the root keys of access tokens are derived."""

    def root_key(self, token_id: bytes) -> bytes | None:
        """The 32-byte macaroon root key of a 32-byte token id; None when its key is unknown."""

    def new_token_id(self) -> bytes:
        """A random token id of the current key."""

    def keyed_hash(self, purpose: str, secret: str) -> str:
        """HMAC (hex) of a secret that is stored hashed; `purpose` separates uses."""


class RotatingKeyRing(KeyRing, Protocol):
    """A key ring to which keys can be added while the gateway runs."""

    def fingerprints(self) -> Mapping[str, str]:
        """Each key's number and the SHA-256 of its secret (hex)."""

    def read_new(self) -> Self | None:
        """The keys that were added since; None when there are none. Blocks. Raises `Unavailable`."""

    def adopt(self, others: Self) -> None:
        """Verify tokens of these keys, too."""

    def mint_with_newest(self) -> None:
        """Make new tokens with the key of the highest number."""
