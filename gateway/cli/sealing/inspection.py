"""Inspects a site for paid content that it would publish: unsealed paywalls, copies of paid words, links into parts."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import PurePosixPath
from urllib.parse import unquote

from gateway.cli.sealing.file_texts import COPIES, texts_of
from gateway.cli.sealing.leaks import PaidWords, plain
from gateway.cli.sealing.mentions import has_dropped_tags, mention_in
from gateway.cli.sealing.page import Page, Paywall, anchors, write_page
from gateway.cli.sealing.site import INDEX, SiteFile
from gateway.errors import Invalid

_NAME = re.compile(r"#([^\s\"'<>()\\]+)")
_PATH = re.compile(r"[^\s\"'<>()=\\,;]*\Z")
_LONGEST_PATH = 300
_MOST_NAMED = 8


@dataclass(slots=True)
class Inspection:
    """The findings, by path in the site.

    Unsealed paywalls, files with copies of paid words, links in and out of paid parts, unreadable files, and unreadable
    files that may be copies of a page (`hidden`).
    """

    unsealed: dict[str, str] = field(default_factory=dict)
    copies: list[str] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    hidden: dict[str, str] = field(default_factory=dict)

    def check(self, *, allow_copies: bool) -> None:
        """Raises `Invalid` (`paywall_unsealed`, `file_unreadable`, `paid_words_in_clear`, `paid_part_linked`)."""
        if self.unsealed:
            raise Invalid(
                "paywall_unsealed",
                f"A paywall is mentioned, but nothing of it is sealed, in {_listed(self.unsealed)}: give it a "
                "<template data-paid>, in a page (.html) that your generator writes with these tags in it; where "
                "nothing is to be sealed, say --unsealed with the file's path. Nothing was written.",
            )
        if self.hidden:
            raise Invalid(
                "file_unreadable",
                f"Not readable: {_listed(self.hidden)}. It may be a copy of a page in clear: compress after sealing, "
                "and remove this file. Nothing was written.",
            )
        if self.copies and not allow_copies:
            raise Invalid(
                "paid_words_in_clear",
                f"Paid words are in clear in {_listed(dict.fromkeys(self.copies, ''))}: have the generator leave "
                "them out there (feeds and search indexes take a summary; compress after sealing), or say "
                "--allow-copies for an intended quote. Nothing was written.",
            )
        if self.links and not allow_copies:
            raise Invalid(
                "paid_part_linked",
                f"Links connect a paid part with clear text, in {_listed(self.links)}: have the paid part "
                "rendered by itself, so that its footnotes stay in it, and leave its headings out of tables of "
                "contents; or say --allow-copies for an intended link. Nothing was written.",
            )


def inspect(files: Sequence[SiteFile], unsealed: Sequence[str] = (), left: Sequence[SiteFile] = ()) -> Inspection:
    """Inspect every file, and the files `left` in the output folder by an earlier run.

    `unsealed` lists paths, with * and ?, of files whose paywalls have no paid part on purpose.
    """
    inspection = Inspection()
    words = PaidWords(paywall.text or "" for _, paywall in paywalls_of(files))
    targets = dict(_targets(files))
    for file in (*files, *left):
        is_excluded = any(fnmatch(file.place, place) for place in unsealed)
        try:
            for text in _texts(file, words):
                if not is_excluded and (what := mention_in(_rest(file, text), holds_part=file.page is not None)):
                    inspection.unsealed.setdefault(file.place, what)
                if file.place not in inspection.copies and words.occur_in(text):
                    inspection.copies.append(file.place)
                if targets and (anchor := _leads_in(file, text, targets)):
                    inspection.links.setdefault(file.place, f"#{anchor} leads into a paid part")
        except Invalid as error:
            if error.code != "file_unreadable":
                raise
            where = (
                inspection.hidden
                if not is_excluded and file not in left and _may_hide(file, files)
                else inspection.unread
            )
            where[file.place] = error.detail
        if (
            not is_excluded
            and file.page is not None
            and any(has_dropped_tags(paywall.text or "") for paywall in file.page.paywalls)
        ):
            inspection.unsealed.setdefault(file.place, "tags in its paid part were dropped (raw HTML omitted)")
        if file.page is not None and (anchor := _leads_out(file.page)):
            inspection.links.setdefault(file.place, f"the paid part links to #{anchor}, which is outside of it")
    return inspection


def paywalls_of(files: Iterable[SiteFile]) -> Iterator[tuple[SiteFile, Paywall]]:
    """Every paywall of the pages, each with its file."""
    return ((file, paywall) for file in files if file.page is not None for paywall in file.page.paywalls)


def _texts(file: SiteFile, words: PaidWords) -> Iterator[str]:
    if file.page is not None:
        yield write_page(file.page, lambda _: "")
    else:
        yield from texts_of(file.source, words.alphabet)


def _rest(file: SiteFile, text: str) -> str:
    return text if file.page is None else file.page.rest()


def _may_hide(file: SiteFile, files: Sequence[SiteFile]) -> bool:
    """Whether an unreadable file may be the compressed copy of a page with paywalls, or of a missing file."""
    place = PurePosixPath(file.place)
    if place.suffix.lower() not in COPIES:
        return False
    original = [other for other in files if other.place == str(place.with_suffix(""))]
    return not original or original[0].page is not None


def _leads_out(page: Page) -> str | None:
    """The first link from a paid part to an id in the clear part of its page, as to a footnote."""
    for paywall in page.paywalls:
        links, ids = anchors(paywall.text or "")
        for link in links:
            name = unquote(link.removeprefix("#"))
            if link.startswith("#") and name.lower() != "top" and name in page.ids - ids:
                return name
    return None


def _targets(files: Iterable[SiteFile]) -> Iterator[tuple[str, set[str]]]:
    """The ids that only paid parts contain, each with the addresses of its pages."""
    found: dict[str, set[str]] = {}
    for file, paywall in paywalls_of(files):
        assert file.page is not None, "a paywall is part of a page"
        for name in anchors(paywall.text or "")[1] - file.page.ids:
            found.setdefault(name, set()).add(_address(file.place))
    return iter(found.items())


def _leads_in(file: SiteFile, text: str, targets: dict[str, set[str]]) -> str | None:
    """The first link into a paid part, as in a table of contents."""
    if "#" not in text:
        return None
    own = _address(file.place) if file.page is not None else None
    text = plain(text)
    for match in _NAME.finditer(text):
        name, at = match[1], match.start()
        pages = targets.get(name) or targets.get(unquote(name))
        if pages is None:
            continue
        path = _PATH.search(text[max(0, at - _LONGEST_PATH) : at])
        address = _address(path[0]) if path else ""
        if (own in pages) if not address else any(page and f"/{address}".endswith(f"/{page}") for page in pages):
            return name
    return None


def _address(place: str) -> str:
    """The normalised path of a file or a link: `essay/index.html`, `/essay/` and `essay.html` are one page."""
    path = place.partition("://")[2].partition("/")[2] if "://" in place else place
    path = path.partition("?")[0]
    name = re.sub(r"^(?:\.{0,2}/)+", "", path)
    return unquote(name.removesuffix(INDEX).removesuffix(".html").removesuffix(".htm").rstrip("/"))


def _listed(places: dict[str, str]) -> str:
    lines = [f"{place} ({what})" if what else place for place, what in places.items()]
    more = f" and {len(lines) - _MOST_NAMED} more" if len(lines) > _MOST_NAMED else ""
    return "; ".join(lines[:_MOST_NAMED]) + more
