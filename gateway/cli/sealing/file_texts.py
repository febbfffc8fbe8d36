"""Extracts every text that a file may contain: compressed or not, in UTF-8, UTF-16 or another encoding, or in a binary.

A file is read in overlapping pieces, so that the use of memory does not grow with its size.
"""

import bz2
import codecs
import gzip
import io
import lzma
import re
import zipfile
import zlib
from base64 import urlsafe_b64decode
from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import Path
from typing import IO

from gateway.errors import Invalid

PIECE_BYTES, OVERLAP_BYTES = 1 << 20, 1 << 15
# The largest size of an unpacked file, and the deepest nesting of packed files.
MOST_UNPACKED_BYTES, MOST_LAYERS = 1 << 30, 3
# The endings under which web servers look for compressed copies of pages.
COPIES = {".gz", ".br", ".zst", ".zstd", ".zz", ".deflate", ".bz2", ".xz", ".lzma"}
_UNKNOWN = {".br", ".zst", ".zstd", ".7z", ".rar", ".lz4"}
_DEFLATED = {".zz", ".deflate", ".zlib"}
_ZSTANDARD = b"\x28\xb5\x2f\xfd"
_CHARSET = re.compile(rb"(?:charset|encoding)\s*=\s*[\"']?\s*([\w.-]+)", re.IGNORECASE)
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# Possible text in a binary. Pictures yield next to nothing, or a site full of them would take minutes.
_UTF8_RUNS = re.compile(
    rb"(?:[\t\n\r\x20-\x7e]|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}){12,}"
)
_OTHER_RUNS = re.compile(rb"[\t\n\r\x20-\x7e\x80-\xff]{48,}")
# At least as long as a run of paid words. Base64 that is broken into lines is not decoded.
_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/_-]{4}){16,}")
_URLSAFE = bytes.maketrans(b"+/", b"-_")
_BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError, NotImplementedError)


def texts_of(path: Path, alphabet: Collection[str] = ()) -> Iterator[str]:
    """Every text that a file may contain. `alphabet`: the characters besides ASCII to expect in UTF-16.

    Raises `Invalid` (`file_unreadable`) for a file that cannot be unpacked.
    """
    heads = frozenset({0, *(ord(letter) >> 8 & 0xFF for letter in alphabet)})
    try:
        with path.open("rb") as file:
            for pieces in _unpacked(file, path.suffix.lower(), MOST_LAYERS):
                charset = ""
                for piece in pieces:
                    declared = _CHARSET.search(piece[:2048])
                    charset = charset or (declared[1].decode() if declared else "cp1252")
                    yield from _decodings(piece, charset, heads)
                    for coded in _BASE64.findall(piece):
                        yield from _decodings(urlsafe_b64decode(coded.translate(_URLSAFE) + b"=="), charset, heads)
    except _BROKEN as error:
        raise _unreadable(str(error) or type(error).__name__) from error


def _unpacked(file: IO[bytes], suffix: str, layers: int) -> Iterator[Iterator[bytes]]:
    """The files packed in a file, each as pieces. A file that is not packed yields itself."""
    start = file.read(8)
    file.seek(0)
    if suffix in _UNKNOWN or start.startswith(_ZSTANDARD):
        raise _unreadable(f"{suffix or 'Zstandard'} cannot be unpacked here")
    opened = _opened(file, start, suffix)
    if opened is None and not start.startswith(b"PK\x03\x04"):
        yield _pieces(file, None if layers == MOST_LAYERS else MOST_UNPACKED_BYTES)
        return
    if layers == 0:
        raise _unreadable("it nests packed files too deeply")
    if opened is not None:
        yield from _unpacked(opened, "", layers - 1)
        return
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            with archive.open(name) as member:
                yield from _unpacked(member, Path(name).suffix.lower(), layers - 1)


def _opened(file: IO[bytes], start: bytes, suffix: str) -> IO[bytes] | None:
    if start.startswith(b"\x1f\x8b"):
        return io.BufferedReader(gzip.GzipFile(fileobj=file, mode="rb"))
    if start.startswith(b"BZh"):
        return io.BufferedReader(bz2.BZ2File(file))
    if start.startswith(b"\xfd7zXZ\0") or suffix in {".xz", ".lzma"}:
        return io.BufferedReader(lzma.LZMAFile(file))
    if suffix in _DEFLATED:
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(file.read(), MOST_UNPACKED_BYTES // 16)
        if unpacker.unconsumed_tail:
            raise _unreadable("it unpacks to more than 64 MiB")
        return io.BytesIO(text)
    if suffix == ".gz":
        raise _unreadable("it is no gzip file")
    return None


def _pieces(file: IO[bytes], most: int | None) -> Iterator[bytes]:
    tail, total = b"", 0
    while piece := file.read(PIECE_BYTES):
        total += len(piece)
        if most is not None and total > most:
            raise _unreadable("it unpacks to more than 1 GiB")
        yield tail + piece
        tail = piece[-OVERLAP_BYTES:]


def _decodings(data: bytes, charset: str, heads: frozenset[int]) -> Iterator[str]:
    """The bytes decoded in every encoding that they may have."""
    if not _CONTROL.search(data):
        yield data.decode("utf-8", "ignore")
        if _is_utf8(data):
            return
        yield _decoded(data, charset)
    else:
        yield b"\n".join(_UTF8_RUNS.findall(data)).decode("utf-8", "ignore")
        yield _decoded(b"\n".join(_OTHER_RUNS.findall(data)), charset)
    little, big = _utf16(heads)
    yield "\n".join(run.decode("utf-16-le", "ignore") for run in little.findall(data))
    yield "\n".join(run.decode("utf-16-be", "ignore") for run in big.findall(data))


def _is_utf8(data: bytes) -> bool:
    """Whether a piece is UTF-8; it may begin and end within a character."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data.lstrip(bytes(range(0x80, 0xC0))))
    except UnicodeDecodeError:
        return False
    return True


@lru_cache
def _utf16(heads: frozenset[int]) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Patterns of runs of UTF-16 units whose upper byte is one of `heads`: little-endian and big-endian."""
    head = b"[" + b"".join(re.escape(bytes([one])) for one in sorted(heads)) + b"]"
    return re.compile(b"(?s:(?:." + head + b"){8,})"), re.compile(b"(?s:(?:" + head + b".){8,})")


def _decoded(data: bytes, charset: str) -> str:
    try:
        return data.decode(charset, "ignore")
    except LookupError:
        return data.decode("cp1252", "ignore")


def _unreadable(why: str) -> Invalid:
    return Invalid("file_unreadable", why)
