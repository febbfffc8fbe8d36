"""The port for the keys behind access tokens."""

from typing import Protocol


class KeyRing(Protocol):
    """The keys from which the root keys of access tokens are derived."""

    def root_key(self, token_id: bytes) -> bytes | None:
        """The 32-byte macaroon root key of a 32-byte token id; None when its key is unknown."""

    def new_token_id(self) -> bytes:
        """A random token id of the current key."""

    def keyed_hash(self, purpose: str, secret: str) -> str:
        """HMAC (hex) of a secret that is stored hashed; `purpose` separates uses."""
