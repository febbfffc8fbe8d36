"""What a site would show for nothing: paywalls without a paid part, copies of paid words, links in and out of them."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import PurePosixPath
from urllib.parse import unquote

from gateway.cli.sealing.file_texts import COPIES, texts_of
from gateway.cli.sealing.leaks import PaidWords, plain
from gateway.cli.sealing.mentions import lost_tags, named_in
from gateway.cli.sealing.page import Page, Till, anchors, write_page
from gateway.cli.sealing.site import INDEX, File
from gateway.errors import Invalid

_NAME = re.compile(r"#([^\s\"'<>()\\]+)")
_PATH = re.compile(r"[^\s\"'<>()=\\,;]*\Z")
_LONGEST_PATH = 300
_MOST_NAMED = 8


@dataclass(slots=True)
class Findings:
    """By place in the site: what was not sealed, what stands in clear, what could not be read."""

    unsealed: dict[str, str] = field(default_factory=dict)
    copies: list[str] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    hidden: dict[str, str] = field(default_factory=dict)

    def refuse(self, *, allow_copies: bool) -> None:
        """Raises `Invalid` (`paywall_unsealed`, `file_unreadable`, `paid_words_in_clear`, `paid_part_linked`)."""
        if self.unsealed:
            raise Invalid(
                "paywall_unsealed",
                f"A paywall is named, and nothing of it is sealed, in {_listed(self.unsealed)}: give it a "
                "<template data-paid>, in a page (.html) that your generator writes with these tags in it; where "
                "nothing is to be sealed, say --unsealed with the file's path. Nothing was written.",
            )
        if self.hidden:
            raise Invalid(
                "file_unreadable",
                f"What is in {_listed(self.hidden)}: it may be a copy of a page in clear. Compress after sealing, "
                "and remove this one. Nothing was written.",
            )
        if self.copies and not allow_copies:
            raise Invalid(
                "paid_words_in_clear",
                f"Paid words stand in clear in {_listed(dict.fromkeys(self.copies, ''))}: have the generator leave "
                "them out there (feeds and search indexes take a summary; compress after sealing), or say "
                "--allow-copies for a quote that is meant. Nothing was written.",
            )
        if self.links and not allow_copies:
            raise Invalid(
                "paid_part_linked",
                f"A part of what is paid for stands outside of it, in {_listed(self.links)}: have the paid part "
                "rendered by itself, so that its footnotes stay in it, and leave its headings out of tables of "
                "contents; or say --allow-copies where that link is meant. Nothing was written.",
            )


def inspect(files: Sequence[File], unsealed: Sequence[str] = (), left: Sequence[File] = ()) -> Findings:
    """Look through every file, and through what is `left` from before where they go.

    `unsealed`: places, with * and ?, where paywalls are meant to hold no paid part.
    """
    findings = Findings()
    words = PaidWords(till.text or "" for _, till in paywalls(files))
    targets = dict(_targets(files))
    for file in (*files, *left):
        is_meant = any(fnmatch(file.place, place) for place in unsealed)
        try:
            for text in _texts(file, words):
                if not is_meant and (what := named_in(_rest(file, text), holds_part=file.page is not None)):
                    findings.unsealed.setdefault(file.place, what)
                if file.place not in findings.copies and words.stand_in(text):
                    findings.copies.append(file.place)
                if targets and (anchor := _leads_in(file, text, targets)):
                    findings.links.setdefault(file.place, f"#{anchor} leads into a paid part")
        except Invalid as error:
            if error.code != "file_unreadable":
                raise
            where = findings.hidden if not is_meant and file not in left and _may_hide(file, files) else findings.unread
            where[file.place] = error.detail
        if not is_meant and file.page is not None and any(lost_tags(till.text or "") for till in file.page.tills):
            findings.unsealed.setdefault(file.place, "tags in its paid part were dropped (raw HTML omitted)")
        if file.page is not None and (anchor := _leads_out(file.page)):
            findings.links.setdefault(file.place, f"the paid part links to #{anchor}, which stands outside of it")
    return findings


def paywalls(files: Iterable[File]) -> Iterator[tuple[File, Till]]:
    """Every paywall of the pages, and where it stands."""
    return ((file, till) for file in files if file.page is not None for till in file.page.tills)


def _texts(file: File, words: PaidWords) -> Iterator[str]:
    if file.page is not None:
        yield write_page(file.page, lambda _: "")
    else:
        yield from texts_of(file.source, words.alphabet)


def _rest(file: File, text: str) -> str:
    return text if file.page is None else file.page.rest()


def _may_hide(file: File, files: Sequence[File]) -> bool:
    """Whether a file that cannot be read may be the copy of one that sells, or of one that is not here."""
    place = PurePosixPath(file.place)
    if place.suffix.lower() not in COPIES:
        return False
    original = [other for other in files if other.place == str(place.with_suffix(""))]
    return not original or original[0].page is not None


def _leads_out(page: Page) -> str | None:
    """A link of a paid part to what stands in clear in its page, as a footnote does."""
    for till in page.tills:
        links, ids = anchors(till.text or "")
        for link in links:
            name = unquote(link.removeprefix("#"))
            if link.startswith("#") and name.lower() != "top" and name in page.ids - ids:
                return name
    return None


def _targets(files: Iterable[File]) -> Iterator[tuple[str, set[str]]]:
    """What only paid parts hold: each id, and the addresses of its pages."""
    found: dict[str, set[str]] = {}
    for file, till in paywalls(files):
        assert file.page is not None, "a paywall stands in a page"
        for name in anchors(till.text or "")[1] - file.page.ids:
            found.setdefault(name, set()).add(_address(file.place))
    return iter(found.items())


def _leads_in(file: File, text: str, targets: dict[str, set[str]]) -> str | None:
    """A link into a paid part, as a table of contents has it."""
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
    """A place or a link without what servers add: `essay/index.html`, `/essay/` and `essay.html` are one page."""
    path = place.partition("://")[2].partition("/")[2] if "://" in place else place
    path = path.partition("?")[0]
    name = re.sub(r"^(?:\.{0,2}/)+", "", path)
    return unquote(name.removesuffix(INDEX).removesuffix(".html").removesuffix(".htm").rstrip("/"))


def _listed(places: dict[str, str]) -> str:
    said = [f"{place} ({what})" if what else place for place, what in places.items()]
    more = f" and {len(said) - _MOST_NAMED} more" if len(said) > _MOST_NAMED else ""
    return "; ".join(said[:_MOST_NAMED]) + more
