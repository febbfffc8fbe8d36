"""The files of a site: their pages with paywalls, the places they are written to, and their public addresses."""

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
# The characters of a URL that are not percent-encoded.
PLAIN = "%!$&'()*+,;=:@/?-._~[]"
_NAMED = re.compile(rb"<tuppence-paywall|data-tuppence|data-paid", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SiteFile:
    """A file: `place` is its path within the site; `page` is the parsed page if that has paywalls."""

    source: Path
    target: Path
    place: str
    page: Page | None


def files_of(sources: Sequence[Path], out: Path | None) -> list[SiteFile]:
    """Every file of the sources, with its target in the folder `out`, or in place if that is None.

    Raises `Invalid` (`page_invalid`, `out_inside`) that names the file.
    """
    found = []
    for source in sources:
        if out is not None and out.resolve().is_relative_to(source.resolve()):
            raise Invalid("out_inside", f"{out} lies in {source}, and would be sealed with it; name another folder.")
        for path in _walk(source, with_copies=out is None):
            place = path.relative_to(source) if source.is_dir() else Path(path.name)
            target = path if out is None else out / place
            found.append(SiteFile(path, target, place.as_posix(), _page(path)))
    return found


def leftovers(out: Path, files: Sequence[SiteFile]) -> list[SiteFile]:
    """The files in the folder `out` that this run does not write, but that would be published with it."""
    targets = {file.target for file in files}
    found = _walk(out, with_copies=False) if out.is_dir() else ()
    return [SiteFile(path, path, path.as_posix(), None) for path in found if path not in targets]


def address_of(file: SiteFile, site: str) -> str:
    """The public address of a page: its canonical link, unless that is on another site; else its path under `site`.

    Raises `Invalid` (`page_without_address`).
    """
    address = _canonical(file, site)
    if not address or foreign_canonical(file, site):
        address = urljoin(_folder(site), quote(file.place.removesuffix(INDEX)))
    if not address.startswith(("http://", "https://")):
        raise Invalid(
            "page_without_address",
            f"{file.place} has no address: give --site https://blog.example, or a canonical link.",
        )
    return quote(address.partition("#")[0], safe=PLAIN)


def foreign_canonical(file: SiteFile, site: str) -> str | None:
    """The canonical link of a page if it is on another site, which must not receive the reader's code."""
    link = _canonical(file, site)
    return link if site and link and _origin(link) != _origin(site) else None


def check_origins(files: Sequence[SiteFile], site: str) -> None:
    """Raises `Invalid` (`page_elsewhere`) if `site` is not given and the canonical links name several sites."""
    links = {_origin(link): link for file in files if file.page and (link := _canonical(file, site))}
    if not site and len(links) > 1:
        raise Invalid(
            "page_elsewhere",
            f"The canonical links of these pages lead to different sites, {' and '.join(sorted(links.values())[:2])}: "
            "name the site, --site https://blog.example.",
        )


def is_current(file: SiteFile, sealed: str | None) -> bool:
    """Whether the target has its final content already. `sealed` is the sealed page; None for another file."""
    if file.target == file.source:
        return file.page is None or sealed == file.page.source
    wanted = file.source.read_bytes() if sealed is None else sealed.encode()
    return file.target.is_file() and file.target.read_bytes() == wanted


def write_file(file: SiteFile, sealed: str | None) -> None:
    """Write the target atomically."""
    file.target.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.target.with_name(f".{file.target.name}.new")
    if sealed is None:
        shutil.copyfile(file.source, scratch)
    else:
        scratch.write_bytes(sealed.encode())
        shutil.copymode(file.source, scratch)
    scratch.replace(file.target)


def _canonical(file: SiteFile, site: str) -> str:
    link = "" if file.page is None else file.page.canonical.strip()
    return urljoin(_folder(site), link) if link else ""


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
        # A symbolic link may lead to a parent folder.
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
    # Most pages have no paywall and need not be parsed.
    if not _NAMED.search(data):
        return None
    try:
        # Decoded without a change of line ends, so that the page stays the same byte for byte.
        page = read_page(data.decode())
    except UnicodeDecodeError as error:
        raise Invalid("page_invalid", f"{path} is not UTF-8.") from error
    except Invalid as error:
        raise Invalid(error.code, f"{path}: {error.detail}") from error
    return page if page.paywalls else None
