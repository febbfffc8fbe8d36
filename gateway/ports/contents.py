"""What the domain needs of the folder of paid bytes."""

from typing import Protocol


class Contents(Protocol):
    """The paid bytes, each named by its SHA-256."""

    async def check(self, digest: str, byte_size: int) -> None:
        """See whether the bytes are here. Raises `Unavailable` (`content_missing`)."""
