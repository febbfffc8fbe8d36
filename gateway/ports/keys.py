"""What the domain needs of a key ring."""

from typing import Protocol


class KeyRing(Protocol):
    """The secrets behind access tokens."""

    def root_key(self, token_id: bytes) -> bytes | None:
        """The 32-byte macaroon root key of a 32-byte token id; None when its key is unknown."""

    def new_token_id(self) -> bytes:
        """A random token id of the current key."""

    def keyed_hash(self, purpose: str, secret: str) -> str:
        """HMAC of something that is stored hashed (hex)."""
