"""The files of a site: which are pages that sell, where each is written and where readers find it."""

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

from gateway.cli.sealing.file_texts import COPIES
from gateway.cli.sealing.page import Page, read_page
from gateway.errors import Invalid

PAGES = {".html", ".htm"}
INDEX = "index.html"
# What an address may hold as it is; the rest is written by percent signs.
PLAIN = "%!$&'()*+,;=:@/?-._~[]"
_NAMED = re.compile(rb"<tuppence-paywall|data-tuppence|data-paid", re.IGNORECASE)


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
        for path in _walk(source, with_copies=out is None):
            place = path.relative_to(source) if source.is_dir() else Path(path.name)
            target = path if out is None else out / place
            found.append(File(path, target, place.as_posix(), _page(path)))
    return found


def left_in(out: Path, files: Sequence[File]) -> list[File]:
    """What lies in the folder `out` from before, and would be published with what is written there."""
    targets = {file.target for file in files}
    found = _walk(out, with_copies=False) if out.is_dir() else ()
    return [File(path, path, path.as_posix(), None) for path in found if path not in targets]


def address_of(file: File, site: str) -> str:
    """Where readers find a page: what it says itself, unless that is on another site; else its place under `site`.

    Raises `Invalid` (`page_without_address`).
    """
    said = _canonical(file, site)
    address = (
        said if said and not elsewhere(file, site) else urljoin(_folder(site), quote(file.place.removesuffix(INDEX)))
    )
    if not address.startswith(("http://", "https://")):
        raise Invalid(
            "page_without_address",
            f"{file.place} does not say where it will stand: give --site https://blog.example, or a canonical link.",
        )
    return quote(address.partition("#")[0], safe=PLAIN)


def elsewhere(file: File, site: str) -> str | None:
    """The canonical link of a page if it leads to another site, which what opens the page must not reach."""
    said = _canonical(file, site)
    return said if site and said and _origin(said) != _origin(site) else None


def check_origins(files: Sequence[File], site: str) -> None:
    """Raises `Invalid` (`page_elsewhere`) if canonical links alone say where the site is, and name several."""
    said = {_origin(link): link for file in files if file.page and (link := _canonical(file, site))}
    if not site and len(said) > 1:
        raise Invalid(
            "page_elsewhere",
            f"The canonical links of these pages lead to different sites, {' and '.join(sorted(said.values())[:2])}: "
            "say where the pages stand, --site https://blog.example.",
        )


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


def _canonical(file: File, site: str) -> str:
    said = "" if file.page is None else file.page.canonical.strip()
    return urljoin(_folder(site), said) if said else ""


def _folder(site: str) -> str:
    return f"{site.rstrip('/')}/"


def _origin(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    port = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    return parts.scheme, parts.netloc.lower().removesuffix(port)


def _walk(source: Path, *, with_copies: bool) -> Iterator[Path]:
    if source.is_file():
        yield source
        if with_copies:
            yield from sorted(path for suffix in COPIES if (path := source.with_name(source.name + suffix)).is_file())
        return
    yield from sorted(_below(source))


def _below(source: Path) -> Iterator[Path]:
    seen: set[str] = set()
    for folder, names, files in os.walk(source, followlinks=True, onerror=_unreadable):
        real = os.path.realpath(folder)
        # A link to a folder may lead back up.
        names[:] = [name for name in names if real not in seen and not name.startswith(".git")]
        if real not in seen:
            yield from (Path(folder, name) for name in files if not name.startswith(".git"))
        seen.add(real)


def _unreadable(error: OSError) -> None:
    raise Invalid("file_unreadable", f"{error.filename} cannot be read: {error.strerror}.") from error


def _page(path: Path) -> Page | None:
    if path.suffix.lower() not in PAGES:
        return None
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Invalid("file_unreadable", f"{path} cannot be read: {error.strerror}.") from error
    # Most pages of a site sell nothing, and need no parser to say so.
    if not _NAMED.search(data):
        return None
    try:
        # What a generator wrote is kept byte for byte: no line end is changed.
        page = read_page(data.decode())
    except UnicodeDecodeError as error:
        raise Invalid("page_invalid", f"{path} is not UTF-8.") from error
    except Invalid as error:
        raise Invalid(error.code, f"{path}: {error.detail}") from error
    return page if page.tills else None
