"""The port to the folder of paid content."""

from collections.abc import AsyncIterator
from typing import Protocol


class Contents(Protocol):
    """Paid content, each file named by the SHA-256 of its bytes."""

    async def put(self, data: bytes) -> str:
        """Store bytes; gives their SHA-256 (hex). Raises `Unavailable` (`disk_refused`)."""

    async def receive(self, chunks: AsyncIterator[bytes], *, most_bytes: int) -> tuple[str, int]:
        """Store an upload; gives its SHA-256 (hex) and its size in bytes.

        Raises `Invalid` (`body_too_large`), `Unavailable` (`disk_refused`), and what `chunks` raises.
        """

    async def check(self, digest: str, byte_size: int) -> None:
        """Check that the content is stored and complete. Raises `Unavailable` (`content_missing`)."""
