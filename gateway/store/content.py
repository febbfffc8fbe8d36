"""The paid bytes, in `<data>/content`, each file named by its SHA-256."""

import asyncio
import os
import re
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

from gateway.errors import Invalid, Unavailable

_CACHED_BYTES_LIMIT = 256 * 1024
_CACHED_FILES = 256
_DIGEST = re.compile(r"[0-9a-f]{64}")


class ContentFolder:
    """Satisfies `ports.ContentStore`. Small content is kept in memory: a digest never changes its bytes."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._cached: OrderedDict[str, bytes] = OrderedDict()

    async def put(self, data: bytes) -> str:
        digest = sha256(data).hexdigest()
        await asyncio.to_thread(_write_once, self._folder / digest, data)
        return digest

    async def receive(self, chunks: AsyncIterator[bytes], *, most_bytes: int) -> tuple[str, int]:
        """Keep an upload of any size; gives its digest and byte count. Raises `Invalid` (`body_too_large`)."""
        scratch = self._folder / f"{secrets.token_hex(8)}.new"
        hashed, size = sha256(), 0
        try:
            with scratch.open("wb") as file:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > most_bytes:
                        raise Invalid("body_too_large", f"Content is at most {most_bytes} bytes.")
                    hashed.update(chunk)
                    await asyncio.to_thread(file.write, chunk)
                file.flush()
                await asyncio.to_thread(os.fsync, file.fileno())
            scratch.rename(self._folder / hashed.hexdigest())
        finally:
            scratch.unlink(missing_ok=True)
        return hashed.hexdigest(), size

    async def get(self, digest: str) -> bytes:
        cached = self.cached(digest)
        if cached is not None:
            return cached
        try:
            data = await asyncio.to_thread(self.path(digest).read_bytes)
        except OSError as error:
            raise Unavailable(
                "content_missing", "The content is not on this gateway's disk; its operator has to restore it."
            ) from error
        if len(data) <= _CACHED_BYTES_LIMIT:
            self._cached[digest] = data
            if len(self._cached) > _CACHED_FILES:
                self._cached.popitem(last=False)
        return data

    def cached(self, digest: str) -> bytes | None:
        """The bytes, when they are in memory."""
        return self._cached.get(digest)

    def path(self, digest: str) -> Path:
        """Where the bytes lie, for sending a large file."""
        assert _DIGEST.fullmatch(digest), "a digest is the name of a file here, nothing else"
        return self._folder / digest


def _write_once(path: Path, data: bytes) -> None:
    """Whole or not at all, and on disk before an item names it."""
    if path.exists():
        return
    scratch = path.with_suffix(f".{os.getpid()}.new")
    with scratch.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    scratch.rename(path)
