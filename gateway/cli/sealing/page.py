"""A page that carries paid parts: `<template data-paid>` inside a `<tuppence-paywall item="…">`, found and sealed.

It is read by the rules of browsers (HTML5). The rest of the page stays byte for byte what it was: the file is cut at
the places that the parser names, and what two parsers could cut at different places is refused.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

from gateway.catalog.rules import SLUG
from gateway.catalog.sealed_key import PAID_ATTRIBUTE
from gateway.cli.sealing import tree
from gateway.errors import Invalid

ELEMENT, STAND, PART = "tuppence-paywall", "data-tuppence", "template"
SEALED = "sealed"
PAID_PART = f"<{PART} {PAID_ATTRIBUTE}>"
# What a page opens without being held up.
MOST_PART_BYTES = 8 * 1024 * 1024
SAID = ("item", "creator", "price", "share", SEALED)
Attributes = Mapping[str, str]
_NO_VALUE = re.compile(r"=\s*/?>\Z")
_PART_ENDS = re.compile(r"</template", re.IGNORECASE)
_PAYWALL_ENDS = re.compile(r"</tuppence-paywall", re.IGNORECASE)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w:.-]+)", re.IGNORECASE)
_UTF_8 = {"utf-8", "utf8", "unicode-1-1-utf-8"}


@dataclass(slots=True)
class Span:
    """A piece of the page, from one offset to another."""

    start: int
    end: int


@dataclass(slots=True)
class Till:
    """One paywall of a page: its opening tag, what that says, and where its paid part stands.

    `templates`: how many it holds beside its part. `opened`: what stood sealed in it.
    """

    tag: Span
    name: str
    attributes: Attributes
    part: Span | None = None
    paid: str | None = None
    opened: str | None = None
    closes_at: int = 0
    templates: int = 0

    @property
    def text(self) -> str | None:
        """What is paid for: in clear still, or sealed and opened with its key."""
        return self.opened if self.paid is None else self.paid

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
    """A page and what it says of itself; `links` and `ids` are those outside of the paid parts."""

    source: str
    tills: list[Till]
    title: str
    description: str
    canonical: str
    links: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()

    def rest(self) -> str:
        """The page without its paid parts and the opening tags of its paywalls."""
        text = self.source
        for till in reversed(self.tills):
            for span in (till.part, till.tag):
                text = text if span is None else f"{text[: span.start]} {text[span.end :]}"
        return text


def read_page(source: str) -> Page:
    """Raises `Invalid` (`page_invalid`) that says what is wrong with a paywall."""
    reader = _Reader(source)
    reader.read()
    for till in reader.tills:
        _check(till, source)
    if reader.tills:
        _check_letters(source, reader.charset)
        _check_ends(reader.tills, source)
    # Browsers move what stands wrong in a table: the order of the tree need not be that of the source.
    reader.tills.sort(key=lambda till: till.tag.start)
    places = [
        place for till in reader.tills for span in (till.tag, till.part) if span for place in (span.start, span.end)
    ]
    if places != sorted(places):
        raise Invalid("page_invalid", "its paywalls stand in each other once a browser has read it; close every tag")
    said = reader.said
    return Page(
        source=source,
        tills=reader.tills,
        title=" ".join((said.get("og:title") or reader.heading.strip() or reader.title).split()),
        description=said.get("description") or said.get("og:description") or "",
        canonical=said.get("canonical") or said.get("og:url") or "",
        links=frozenset(reader.links),
        ids=frozenset(reader.ids),
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
    words = (tree.data_of(node) for node in tree.nodes(tree.fragment(html)) if tree.is_text(node))
    return " ".join(" ".join(words).split())


@dataclass
class _Reader:
    """Notes where paywalls and paid parts stand, and what the head says."""

    source: str
    tills: list[Till] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)
    title: str = ""
    heading: str = ""
    charset: str = ""
    links: set[str] = field(default_factory=set)
    ids: set[str] = field(default_factory=set)

    def read(self) -> None:
        """Walk through the page, in its order."""
        ahead: list[tuple[Any, Till | None]] = [(tree.document(self.source), None)]
        while ahead:
            node, till = ahead.pop()
            if tree.is_element(node):
                if tree.is_html(node) and node.name == PART and PAID_ATTRIBUTE in tree.attributes(node):
                    self._part(node, till)
                    continue
                till = self._paywall(node, till) or till
                if till is not None:
                    till.templates += node.name == PART and tree.closing(node, self.source) is not None
                self._note(node)
            ahead.extend((child, till) for child in reversed(tree.children(node)))

    def _paywall(self, node: Any, outer: Till | None) -> Till | None:
        found = tree.attributes(node)
        if PAID_ATTRIBUTE in found:
            raise Invalid(
                "page_invalid",
                f"<{node.name} {PAID_ATTRIBUTE}>: a paid part is a {PAID_PART}, outside of SVG",
            )
        if not _is_paywall(node):
            return None
        own, others = ("", "data-") if node.name == ELEMENT else ("data-", "")
        said = {name.removeprefix("data-"): value for name, value in found.items() if name.startswith(own)}
        start, end = tree.opening(node, self.source)
        till = Till(Span(start, end), node.name, said)
        if not tree.is_html(node):
            raise _wrong(till, "it stands in SVG or MathML, where it is no paywall")
        if outer is not None:
            raise _wrong(till, f"it stands in the paywall of {outer.item_id or 'no item'}; put it behind that")
        if wrong := [name for name in SAID if others + name in found]:
            raise _wrong(till, f"write {own}{wrong[0]} in <{node.name}>, not {others}{wrong[0]}")
        closing = tree.closing(node, self.source)
        if closing is None:
            raise _wrong(till, f"it is never closed; write </{node.name}> behind it, for no such tag closes itself")
        till.closes_at = closing[0]
        self.tills.append(till)
        return till

    def _part(self, node: Any, till: Till | None) -> None:
        start, end = tree.opening(node, self.source)
        if till is None:
            line = self.source.count("\n", 0, start) + 1
            raise Invalid("page_invalid", f"line {line}: a {PAID_PART} stands outside of every <{ELEMENT}>")
        if till.part is not None:
            raise _wrong(till, "it has two paid parts; put both into one")
        closing = tree.closing(node, self.source)
        if closing is None:
            raise _wrong(till, f"its {PAID_PART} is never closed")
        inside = [inner for child in tree.children(node) for inner in tree.nodes(child) if tree.is_element(inner)]
        if any(_is_paywall(inner) or PAID_ATTRIBUTE in tree.attributes(inner) for inner in inside):
            raise _wrong(till, "a paywall stands in its paid part, and would be sold with it; put it behind")
        till.paid = self.source[end : closing[0]]
        till.part = Span(start, closing[1])
        ends = sum(inner.name == PART and tree.closing(inner, self.source) is not None for inner in inside)
        if len(_PART_ENDS.findall(till.paid)) != ends:
            raise _wrong(
                till, "its paid part holds </template> as text, which can be read as its end; write &lt;/template>"
            )

    def _note(self, node: Any) -> None:
        found = tree.attributes(node)
        self.ids |= _ids(node)
        if "href" in found and node.name in {"a", "area"}:
            self.links.add(found["href"])
        if not tree.is_html(node):
            return
        if node.name == "title":
            self.title = self.title or tree.text(node)
        elif node.name == "h1":
            self.heading = self.heading or tree.text(node)
        elif node.name == "link" and "canonical" in found.get("rel", "").lower().split():
            self.said.setdefault("canonical", found.get("href", ""))
        elif node.name == "meta":
            self.said.setdefault(found.get("property") or found.get("name") or "", found.get("content", ""))
            declared = _CHARSET.search(found.get("content", "")) if "http-equiv" in found else None
            self.charset = self.charset or found.get("charset", "") or (declared[1] if declared else "")


def anchors(paid: str) -> tuple[set[str], set[str]]:
    """The targets of a paid part's links, and the ids that stand in it."""
    inside = [node for node in tree.nodes(tree.fragment(paid)) if tree.is_element(node)]
    links = {tree.attributes(node)["href"] for node in inside if "href" in tree.attributes(node)}
    return links, {one for node in inside for one in _ids(node)}


def captions(paid: str) -> Iterator[str]:
    """What a paid part says beside its text: for those who see no picture, and on hovering."""
    for node in tree.nodes(tree.fragment(paid)):
        if tree.is_element(node):
            found = tree.attributes(node)
            yield from (found[name] for name in ("alt", "title", "aria-label") if found.get(name))


def _ids(node: Any) -> set[str]:
    found = tree.attributes(node)
    return {found[name] for name in ("id", "name") if found.get(name) and (name == "id" or node.name == "a")}


def _is_paywall(node: Any) -> bool:
    return bool(node.name == ELEMENT or tree.attributes(node).get(STAND) == "paywall")


def _check(till: Till, source: str) -> None:
    if (till.part or till.sealed) and not SLUG.fullmatch(till.item_id):
        raise _wrong(till, 'it names no item; write item="my-essay", of a-z, 0-9 and -')
    if till.paid is not None and not (text_of(till.paid) or tree.has_elements(till.paid)):
        raise _wrong(till, "its paid part is empty")
    if till.paid is not None and len(till.paid.encode()) > MOST_PART_BYTES:
        raise _wrong(till, f"its paid part has more than {MOST_PART_BYTES:,} bytes; keep its pictures in files")
    if till.part and len(_PART_ENDS.findall(source, till.part.end, till.closes_at)) > till.templates:
        raise _wrong(till, "</template> stands in it once more than what it closes; write &lt;/template> for the text")
    if till.part and till.sealed is not None:
        raise _wrong(till, "it is sealed already and holds a paid part in clear; build the page anew")
    if till.part and _NO_VALUE.search(source[till.tag.start : till.tag.end]):
        raise _wrong(till, "its tag ends in an attribute without a value")


def _check_letters(source: str, charset: str) -> None:
    if charset and charset.lower() not in _UTF_8:
        raise Invalid("page_invalid", f"it says that it is in {charset}: have the generator write UTF-8, and say so")
    if "\0" in source:
        raise Invalid("page_invalid", "it holds a NUL, which browsers read in different ways")


def _check_ends(tills: list[Till], source: str) -> None:
    inside = sum(len(_PAYWALL_ENDS.findall(till.paid)) for till in tills if till.paid)
    if len(_PAYWALL_ENDS.findall(source)) - inside > sum(till.name == ELEMENT for till in tills):
        raise Invalid("page_invalid", f"</{ELEMENT}> stands in it once more than what it closes")


def _wrong(till: Till, what: str) -> Invalid:
    return Invalid("page_invalid", f"the paywall of {till.item_id or 'no item'}: {what}")
