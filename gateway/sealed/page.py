"""A page that carries paid parts: `<template data-paid>` inside a `<tuppence-paywall item="…">`, found and sealed.

The rest of the page stays byte for byte what it was: the file is cut at the places that the parser names.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser
from itertools import accumulate

from gateway.catalog import SLUG
from gateway.errors import Invalid

ELEMENT, STAND, PART = "tuppence-paywall", "data-tuppence", "template"
MARK, SEALED = "data-paid", "sealed"
Attributes = Mapping[str, str]


@dataclass(slots=True)
class Span:
    """A piece of the page, from one offset to another."""

    start: int
    end: int


@dataclass(slots=True)
class Till:
    """One paywall of a page: its opening tag, what that says, and where its paid part stands."""

    tag: Span
    name: str
    attributes: Attributes
    part: Span | None = None
    paid: str | None = None

    @property
    def item_id(self) -> str:
        """What it sells."""
        return self.attributes.get("item", "")

    @property
    def sealed(self) -> str | None:
        """The text that stands sealed in it already."""
        return self.attributes.get(SEALED)


@dataclass(frozen=True, slots=True)
class Page:
    """A page and what it says of itself."""

    source: str
    tills: list[Till]
    title: str
    description: str
    canonical: str


def read_page(source: str) -> Page:
    """Raises `Invalid` (`page_invalid`) that says what is wrong with a paywall."""
    reader = _Reader(source)
    reader.feed(source)
    reader.close()
    if reader.till is not None and reader.part is not None:
        raise _wrong(reader.till, f"its <{PART} {MARK}> is never closed")
    for till in reader.tills:
        if (till.part or till.sealed) and not SLUG.fullmatch(till.item_id):
            raise _wrong(till, 'it names no item; write item="my-essay", of a-z, 0-9 and -')
        if till.paid is not None and not till.paid.strip():
            raise _wrong(till, "its paid part is empty")
        if till.part and till.sealed:
            raise _wrong(till, "it is sealed already and holds a paid part in clear; build the page anew")
    said = reader.said
    title = said.get("og:title") or reader.heading.strip() or reader.title.strip()
    return Page(
        source=source,
        tills=reader.tills,
        title=" ".join(title.split()),
        description=said.get("description") or said.get("og:description") or "",
        canonical=said.get("canonical") or said.get("og:url") or "",
    )


def write_page(page: Page, seal: Callable[[Till], str]) -> str:
    """The page with each paid part taken out, and what `seal` makes of it in the opening tag of its paywall."""
    text = page.source
    for till in reversed(page.tills):
        if till.part is None:
            continue
        name = SEALED if till.name == ELEMENT else f"data-{SEALED}"
        text = text[: till.part.start] + text[till.part.end :]
        close = till.tag.end - 1
        text = f'{text[:close]} {name}="{escape(seal(till))}"{text[close:]}'
    return text


def text_of(html: str) -> str:
    """The words of some HTML, blocks parted by spaces."""
    reader = _Words()
    reader.feed(html)
    reader.close()
    return " ".join(" ".join(reader.words).split())


@dataclass
class _Open:
    """How many tags of one name are open since the one that counts."""

    name: str
    depth: int = 1


class _Reader(HTMLParser):
    """Notes where paywalls and paid parts stand, and what the head says."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tills: list[Till] = []
        self.till: Till | None = None
        self.part: _Open | None = None
        self.said: dict[str, str] = {}
        self.title, self.heading = "", ""
        self._source = source
        self._lines = [0, *accumulate(len(line) + 1 for line in source.split("\n"))]
        self._till: _Open | None = None
        self._part_start = Span(0, 0)
        self._in_title = self._in_heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.part is not None:
            self.part.depth += tag == self.part.name
            return
        found = {name: value or "" for name, value in attrs}
        if tag == PART and MARK in found:
            self._begin_part()
        elif self._till is None and (tag == ELEMENT or found.get(STAND) == "paywall"):
            self._begin_till(tag, found)
        elif self._till is not None and tag == self._till.name:
            self._till.depth += 1
        self._note(tag, found)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # HTML knows no elements that close themselves, but for those that are empty anyway.
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self.part is not None:
            self.part.depth -= tag == self.part.name
            if self.part.depth == 0:
                self._end_part()
        elif self._till is not None and tag == self._till.name:
            self._till.depth -= 1
            if self._till.depth == 0:
                self.till = self._till = None
        self._in_title = self._in_title and tag != "title"
        self._in_heading = self._in_heading and tag != "h1"

    def handle_data(self, data: str) -> None:
        if self.part is None:
            self.title += data if self._in_title else ""
            self.heading += data if self._in_heading else ""

    def _begin_till(self, tag: str, found: dict[str, str]) -> None:
        plain = {name.removeprefix("data-"): value for name, value in found.items()}
        start = self._offset()
        self.till = Till(Span(start, start + len(self.get_starttag_text() or "")), tag, plain)
        self._till = _Open(tag)
        self.tills.append(self.till)

    def _begin_part(self) -> None:
        if self.till is None:
            line, _ = self.getpos()
            raise Invalid("page_invalid", f"line {line}: a <{PART} {MARK}> stands outside of every <{ELEMENT}>")
        if self.till.part is not None:
            raise _wrong(self.till, "it has two paid parts; put both into one")
        start = self._offset()
        self._part_start = Span(start, start + len(self.get_starttag_text() or ""))
        self.part = _Open(PART)

    def _end_part(self) -> None:
        assert self.till is not None, "a part stands in a paywall"
        end = self._offset()
        self.till.paid = self._source[self._part_start.end : end]
        self.till.part = Span(self._part_start.start, self._source.index(">", end) + 1)
        self.part = None

    def _note(self, tag: str, found: dict[str, str]) -> None:
        if tag == "title" and not self.title:
            self._in_title = True
        elif tag == "h1" and not self.heading:
            self._in_heading = True
        elif tag == "link" and "canonical" in found.get("rel", "").split():
            self.said.setdefault("canonical", found.get("href", ""))
        elif tag == "meta":
            self.said.setdefault(found.get("property") or found.get("name") or "", found.get("content", ""))

    def _offset(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def _wrong(till: Till, what: str) -> Invalid:
    return Invalid("page_invalid", f"the paywall of {till.item_id or 'no item'}: {what}")
