"""The files of a site: which are read, where each is written, which hold paid words in clear."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urljoin

from gateway.errors import Invalid
from gateway.sealed.leaks import TEXTS, PaidWords
from gateway.sealed.page import Page, read_page, write_page

PAGES = {".html", ".htm"}
INDEX = "index.html"
# What an address may hold as it is; the rest is written by percent signs.
PLAIN = "%!$&'()*+,;=:@/?-._~[]"


@dataclass(frozen=True, slots=True)
class File:
    """One file: `place` is its path within the site; `page` what it carries, if that has paywalls."""

    source: Path
    target: Path
    place: str
    page: Page | None


def files_of(sources: Sequence[Path], out: Path | None) -> list[File]:
    """Every file of the sources, and where it goes: into the folder `out`, or where it lies.

    Raises `Invalid` (`page_invalid`, `out_inside`) that names the file.
    """
    found = []
    for source in sources:
        if out is not None and out.resolve().is_relative_to(source.resolve()):
            raise Invalid("out_inside", f"{out} lies in {source}, and would be sealed with it; name another folder.")
        for path in _walk(source):
            place = path.relative_to(source) if source.is_dir() else Path(path.name)
            target = path if out is None else out / place
            found.append(File(path, target, place.as_posix(), _page(path)))
    return found


def address_of(file: File, site: str) -> str:
    """Where readers find a page: what it says itself, else its place under the address of the site.

    Raises `Invalid` (`page_without_address`).
    """
    canonical = "" if file.page is None else file.page.canonical
    address = urljoin(f"{site.rstrip('/')}/", canonical or quote(file.place.removesuffix(INDEX)))
    if not address.startswith(("http://", "https://")):
        raise Invalid(
            "page_without_address",
            f"{file.place} does not say where it will stand: give --site https://blog.example, or a canonical link.",
        )
    return quote(address.partition("#")[0], safe=PLAIN)


def in_clear(files: Sequence[File]) -> list[str]:
    """The places of files that would hold paid words for everyone even when every page is sealed."""
    parts = [till.paid or "" for file in files if file.page for till in file.page.tills]
    words = PaidWords(parts)
    places = []
    for file in files:
        if file.source.suffix.lower() in TEXTS:
            text = file.source.read_text(encoding="utf-8", errors="replace")
            if file.page is not None:
                text = write_page(file.page, lambda _: "")
            if words.stand_in(text):
                places.append(file.place)
    return places


def stands(file: File, sealed: str | None) -> bool:
    """Whether the target is already what it should be."""
    if file.target == file.source:
        return file.page is None or sealed == file.page.source
    wanted = file.source.read_bytes() if sealed is None else sealed.encode()
    return file.target.is_file() and file.target.read_bytes() == wanted


def put(file: File, sealed: str | None) -> None:
    """Write the target, whole or not at all."""
    file.target.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.target.with_name(f".{file.target.name}.new")
    if sealed is None:
        shutil.copyfile(file.source, scratch)
    else:
        scratch.write_bytes(sealed.encode())
        shutil.copymode(file.source, scratch)
    scratch.replace(file.target)


def _walk(source: Path) -> Iterator[Path]:
    if source.is_file():
        yield source
        return
    for path in sorted(source.rglob("*")):
        hidden = any(part.startswith(".git") for part in path.relative_to(source).parts)
        if path.is_file() and not hidden:
            yield path


def _page(path: Path) -> Page | None:
    if path.suffix.lower() not in PAGES:
        return None
    try:
        # What a generator wrote is kept byte for byte: no line end is changed.
        page = read_page(path.read_bytes().decode())
    except UnicodeDecodeError as error:
        raise Invalid("page_invalid", f"{path} is not UTF-8.") from error
    except Invalid as error:
        raise Invalid(error.code, f"{path}: {error.detail}") from error
    return page if page.tills else None
