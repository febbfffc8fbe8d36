"""The content folder: files are complete or absent, and named by the digest of their bytes."""

import asyncio
import os
import resource
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.errors import Invalid, Unavailable
from gateway.store.files.content import _CACHED_BYTES_LIMIT, _CACHED_FILES, ContentFolder

TEXT = b"<p>The paid part.</p>"


@pytest.fixture
def content(tmp_path: Path) -> ContentFolder:
    return ContentFolder(tmp_path / "content")


async def chunks(*parts: bytes, error: Exception | None = None) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
    if error is not None:
        raise error


def names(content: ContentFolder) -> list[str]:
    return sorted(path.name for path in content._folder.iterdir())


async def test_bytes_lie_under_their_digest_and_are_their_owners_alone(content: ContentFolder) -> None:
    digest = await content.put(TEXT)
    assert digest == sha256(TEXT).hexdigest()
    assert await content.get(digest) == TEXT
    assert names(content) == [digest]
    assert oct(content._folder.stat().st_mode)[-3:] == "700"


async def test_an_upload_lies_where_a_text_of_the_same_bytes_would(content: ContentFolder) -> None:
    digest, size = await content.receive(chunks(TEXT[:5], b"", TEXT[5:]), most_bytes=len(TEXT))
    assert (digest, size) == (await content.put(TEXT), len(TEXT))
    assert names(content) == [digest]


async def test_the_same_bytes_put_many_times_at_once_are_there_once(content: ContentFolder) -> None:
    digests = await asyncio.gather(*(content.put(TEXT * 1_000) for _ in range(20)))
    assert len(set(digests)) == 1
    assert names(content) == [digests[0]]


async def test_an_upload_that_is_too_large_or_breaks_off_leaves_nothing(content: ContentFolder) -> None:
    with pytest.raises(Invalid) as refusal:
        await content.receive(chunks(b"1234", b"5"), most_bytes=4)
    assert refusal.value.code == "body_too_large"
    with pytest.raises(ConnectionResetError):
        await content.receive(chunks(b"12", error=ConnectionResetError()), most_bytes=4)
    assert names(content) == []


async def test_content_that_is_gone_is_the_operators_to_restore(content: ContentFolder) -> None:
    digest = sha256(b"gone").hexdigest()
    with pytest.raises(Unavailable) as refusal:
        await content.get(digest)
    assert refusal.value.code == "content_missing"
    with pytest.raises(Unavailable):
        content.existing_path(digest)
    assert content.existing_path(await content.put(b"gone")).read_bytes() == b"gone"


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "a" * 63, "A" * 64, "a" * 64 + "\n", "a" * 63 + "/"])
def test_nothing_but_a_digest_names_a_file(content: ContentFolder, name: str) -> None:
    with pytest.raises(AssertionError):
        content.path(name)


async def test_small_content_is_remembered_and_large_is_not(content: ContentFolder) -> None:
    small, large = await content.put(b"s"), await content.put(b"l" * (_CACHED_BYTES_LIMIT + 1))
    assert content.cached(small) is None
    for digest in (small, large):
        await content.get(digest)
    assert content.cached(small) == b"s"
    assert content.cached(large) is None
    content.path(small).unlink()
    assert await content.get(small) == b"s"


async def test_what_is_remembered_is_bounded(content: ContentFolder) -> None:
    digests = [await content.put(b"%d" % number) for number in range(_CACHED_FILES + 1)]
    for digest in digests:
        await content.get(digest)
    assert content.cached(digests[0]) is None
    assert all(content.cached(digest) for digest in digests[1:])


async def test_a_full_disk_refuses_an_upload_and_leaves_nothing(content: ContentFolder) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(Unavailable, match="make room") as refusal:
            await content.receive(chunks(b"x" * 50_000), most_bytes=10**6)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert (refusal.value.code, refusal.value.retry_after_seconds) == ("disk_refused", 60)
    assert names(content) == []
    assert await content.put(b"x" * 50_000)


async def test_content_is_on_the_disk_before_it_has_its_name(
    content: ContentFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def note_fsync(descriptor: int) -> None:
        steps.append("fsync")
        fsync(descriptor)

    def note_rename(path: Path, target: Path) -> Path:
        steps.append("rename")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "rename", note_rename)
    await content.put(TEXT)
    assert steps == ["fsync", "rename", "fsync"]


@pytest.mark.parametrize("is_near", [True, False])
@pytest.mark.parametrize("size", [100, _CACHED_BYTES_LIMIT + 1])
async def test_content_is_checked_at_every_sale_whether_a_thread_is_needed_for_it_or_not(
    tmp_path: Path, size: int, *, is_near: bool
) -> None:
    content = ContentFolder(tmp_path / "content", database=tmp_path if is_near else None)
    whole = b"x" * size
    digest = await content.put(whole)
    path = content.path(digest)
    damages: list[Callable[[], None]] = [path.unlink, lambda: os.truncate(path, size - 1), lambda: _deface(path)]
    for damage in damages if size <= _CACHED_BYTES_LIMIT else damages[:2]:
        for _ in range(2):
            await content.check(digest, size)
        damage()
        for _ in range(2):
            with pytest.raises(Unavailable):
                await content.check(digest, size)
        assert content.lost == {digest}
        path.write_bytes(whole)
        await content.check(digest, size)
        assert content.lost == set()


def _deface(path: Path) -> None:
    """Other bytes of the same size and date."""
    was = path.stat()
    path.write_bytes(b"y" * was.st_size)
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


async def test_only_a_file_beside_the_database_is_looked_at_without_a_thread(tmp_path: Path) -> None:
    near = ContentFolder(tmp_path / "near", database=tmp_path)
    far = ContentFolder(tmp_path / "far", database=Path("/proc/self/stat"))
    for content, threads in ((near, False), (far, True)):
        digest = await content.put(TEXT)
        await content.check(digest, len(TEXT))
        content._threads.shutdown()
        with nullcontext() if not threads else pytest.raises(RuntimeError):
            await content.check(digest, len(TEXT))
