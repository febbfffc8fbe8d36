"""Paid content: the folder `<data>/content`, each file named by the SHA-256 of its bytes."""

import asyncio
import errno
import os
import re
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from hashlib import sha256
from io import FileIO
from pathlib import Path
from typing import NamedTuple, Self, TypeVar

from gateway.errors import Invalid, Unavailable
from gateway.store.files.disk_errors import disk_errors

T = TypeVar("T")

_CACHED_BYTES_LIMIT = 256 * 1024
_CACHED_FILES = 256
_DIGEST = re.compile(r"[0-9a-f]{64}")
# A network share that hangs must not block the threads of other work, nor a request for long.
_THREADS, _PATIENCE_SECONDS = 4, 3.0
_MOST_VERIFIED = 100_000


class _Stamp(NamedTuple):
    """What changes with a file: with its bytes, its permissions, or when another takes its place."""

    device: int
    inode: int
    mode: int
    byte_size: int
    written_ns: int
    changed_ns: int

    @classmethod
    def of(cls, found: os.stat_result) -> Self:
        return cls(found.st_dev, found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


class ContentFolder:
    """Paid content by digest. Small content is cached in memory; the bytes of a digest never change.

    Files on the filesystem of `database` are looked at without a thread: if that hangs, nothing is sold anyway.
    """

    def __init__(self, folder: Path, *, database: Path | None = None) -> None:
        with disk_errors(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._near_device = None if database is None else database.stat().st_dev
        self._cached: OrderedDict[str, bytes] = OrderedDict()
        self._threads = ThreadPoolExecutor(_THREADS, "content")
        self._verified: dict[str, _Stamp] = {}
        self.lost: set[str] = set()
        """Digests whose bytes were missing or damaged at their last check."""

    async def clear_leftovers(self, *, before: float) -> int:
        """Delete files of aborted uploads that were last written before `before` (unix seconds); returns how many."""

        def clear() -> int:
            cleared = 0
            for path in self._folder.glob("*.new"):
                with suppress(FileNotFoundError):
                    if path.stat().st_mtime < before:
                        path.unlink()
                        cleared += 1
            return cleared

        return await asyncio.to_thread(clear)

    async def put(self, data: bytes) -> str:
        """Store bytes; returns their SHA-256 (hex)."""

        async def whole() -> AsyncIterator[bytes]:
            yield data

        digest = sha256(data).hexdigest()
        if not await self._read(self._is_whole, digest, len(data)):
            await self.receive(whole(), most_bytes=len(data))
        return digest

    async def receive(self, chunks: AsyncIterator[bytes], *, most_bytes: int) -> tuple[str, int]:
        """Store an upload of any size, whole or not at all; returns its digest and byte count.

        It is flushed to disk before this returns. Raises `Invalid` (`body_too_large`), `Unavailable` (`disk_refused`).
        """
        scratch = self._folder / f"{secrets.token_hex(8)}.new"
        hashed, size = sha256(), 0
        try:
            with await _on_disk(_create, scratch) as file:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > most_bytes:
                        raise Invalid("body_too_large", f"Content is at most {most_bytes} bytes.")
                    hashed.update(chunk)
                    await _on_disk(_write, file, chunk)
                await _on_disk(_flush, file)
            await _on_disk(_rename, scratch, self._folder / hashed.hexdigest())
        finally:
            with suppress(OSError):
                scratch.unlink(missing_ok=True)
        return hashed.hexdigest(), size

    async def get(self, digest: str) -> bytes:
        cached = self.cached(digest)
        if cached is not None:
            return cached
        data = await self._read(self._whole, digest)
        if len(data) <= _CACHED_BYTES_LIMIT:
            self._cached[digest] = data
            if len(self._cached) > _CACHED_FILES:
                self._cached.popitem(last=False)
        return data

    async def check(self, digest: str, byte_size: int) -> None:
        """Check that the file exists and has its size. Raises `Unavailable` (`content_missing`)."""
        if self._is_near(digest) and self._is_unchanged(digest, byte_size):
            return
        if await self.look([(digest, byte_size)]):
            raise _missing()

    async def look(self, contents: Collection[tuple[str, int]]) -> set[str]:
        """The digests, of those given with their size in bytes, whose files are missing, truncated or unreadable.

        Small files are compared with their digest whenever they have changed on disk. Raises `Unavailable`
        (`content_missing`) when the folder does not answer.
        """
        lost = await self._read(lambda: {digest for digest, size in contents if not self._is_whole(digest, size)})
        self.lost = self.lost.difference(digest for digest, _ in contents) | lost
        return lost

    def cached(self, digest: str) -> bytes | None:
        """The bytes, if they are cached in memory."""
        return self._cached.get(digest)

    def path(self, digest: str) -> Path:
        """The file of a digest, whether it exists or not."""
        assert _DIGEST.fullmatch(digest), "a digest is 64 hex digits, so it is a safe file name"
        return self._folder / digest

    def existing_path(self, digest: str) -> Path:
        """The file of a digest, for sending large content. Raises `Unavailable` (`content_missing`)."""
        path = self.path(digest)
        try:
            found = path.is_file()
        except OSError as error:
            raise _missing() from error
        if not found:
            raise _missing()
        return path

    async def _read(self, step: Callable[..., T], *arguments: object) -> T:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await asyncio.get_running_loop().run_in_executor(self._threads, step, *arguments)
        except (OSError, TimeoutError) as error:
            raise _missing() from error

    def _whole(self, digest: str) -> bytes:
        data = self.path(digest).read_bytes()
        if sha256(data).hexdigest() != digest:
            raise OSError(errno.EIO, "these are other bytes")
        return data

    def _is_whole(self, digest: str, byte_size: int) -> bool:
        path = self.path(digest)
        try:
            if self._is_unchanged(digest, byte_size):
                return True
            # Opening something that is not a regular file, such as a pipe, may block for ever.
            if not path.is_file():
                return False
            with path.open("rb") as file:
                stamp = _Stamp.of(os.fstat(file.fileno()))
                if stamp.byte_size != byte_size:
                    return False
                if byte_size <= _CACHED_BYTES_LIMIT and sha256(file.read()).hexdigest() != digest:
                    return False
                self._remember(digest, stamp)
        except OSError:
            return False
        return True

    def _is_near(self, digest: str) -> bool:
        known = self._verified.get(digest)
        return known is not None and known.device == self._near_device and digest not in self.lost

    def _is_unchanged(self, digest: str, byte_size: int) -> bool:
        """Whether the file is still as it was when it was last read."""
        known = self._verified.get(digest)
        if known is None or known.byte_size != byte_size:
            return False
        try:
            found = os.stat(f"{self._folder}/{digest}")  # noqa: PTH116  # at every sale, where a Path costs more than this
        except OSError:
            return False
        return _Stamp.of(found) == known

    def _remember(self, digest: str, stamp: _Stamp) -> None:
        if len(self._verified) >= _MOST_VERIFIED:
            self._verified.clear()
        self._verified[digest] = stamp


async def _on_disk(step: Callable[..., T], *arguments: object) -> T:
    """Run a blocking function in a thread. Raises `Unavailable` (`disk_refused`)."""
    try:
        return await asyncio.to_thread(step, *arguments)
    except OSError as error:
        raise Unavailable(
            "disk_refused",
            f"The content could not be stored ({error.strerror}); nothing was changed. The operator has to make room.",
            retry_after_seconds=60,
        ) from error


def _create(scratch: Path) -> FileIO:
    # Unbuffered, so that a full disk fails the write itself and not the close.
    return FileIO(scratch, "xb")


def _write(file: FileIO, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[file.write(rest) :]


def _flush(file: FileIO) -> None:
    os.fsync(file.fileno())


def _rename(scratch: Path, path: Path) -> None:
    scratch.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _missing() -> Unavailable:
    return Unavailable("content_missing", "The content is not on this gateway's disk; its operator has to restore it.")
