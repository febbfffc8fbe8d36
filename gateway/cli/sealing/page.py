"""Finds and replaces the paid parts of a page: `<template data-paid>` inside a `<tuppence-paywall item="…">`.

A page is parsed as browsers parse it (HTML5). The rest of the page stays the same, byte for byte: the source is cut at
the positions that the parser reports. Markup that another parser could cut elsewhere is refused.
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

ELEMENT, STAND_IN, PART = "tuppence-paywall", "data-tuppence", "template"
SEALED = "sealed"
PAID_PART = f"<{PART} {PAID_ATTRIBUTE}>"
# A browser decrypts this without a noticeable delay.
MOST_PART_BYTES = 8 * 1024 * 1024
ATTRIBUTES = ("item", "creator", "price", "share", SEALED)
Attributes = Mapping[str, str]
_NO_VALUE = re.compile(r"=\s*/?>\Z")
_PART_ENDS = re.compile(r"</template", re.IGNORECASE)
_PAYWALL_ENDS = re.compile(r"</tuppence-paywall", re.IGNORECASE)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w:.-]+)", re.IGNORECASE)
_UTF_8 = {"utf-8", "utf8", "unicode-1-1-utf-8"}


@dataclass(slots=True)
class Span:
    """A range of offsets in the source."""

    start: int
    end: int


@dataclass(slots=True)
class Paywall:
    """A paywall of a page: its opening tag with its attributes, and the place of its paid part.

    `templates` counts the other templates in it. `opened` is its sealed text, once that is decrypted.
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
        """The paid text: in clear in the page, or decrypted."""
        return self.opened if self.paid is None else self.paid

    @property
    def item_id(self) -> str:
        """The id of the item that it sells; empty if it names none."""
        return self.attributes.get("item", "")

    @property
    def sealed(self) -> str | None:
        """The sealed text (a JWE), if it is sealed already."""
        return self.attributes.get(SEALED)


@dataclass(frozen=True, slots=True)
class Page:
    """A page with its metadata. `links` and `ids` are those outside of the paid parts."""

    source: str
    paywalls: list[Paywall]
    title: str
    description: str
    canonical: str
    links: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()

    def rest(self) -> str:
        """The page without its paid parts and the opening tags of its paywalls."""
        text = self.source
        for paywall in reversed(self.paywalls):
            for span in (paywall.part, paywall.tag):
                text = text if span is None else f"{text[: span.start]} {text[span.end :]}"
        return text


def read_page(source: str) -> Page:
    """Parse a page. Raises `Invalid` (`page_invalid`) for a paywall that cannot be sealed reliably."""
    reader = _PageReader(source)
    reader.read()
    for paywall in reader.paywalls:
        _check(paywall, source)
    if reader.paywalls:
        _check_letters(source, reader.charset)
        _check_ends(reader.paywalls, source)
    # Browsers move misplaced content out of tables, so the order of the tree may differ from that of the source.
    reader.paywalls.sort(key=lambda paywall: paywall.tag.start)
    places = [
        place
        for paywall in reader.paywalls
        for span in (paywall.tag, paywall.part)
        if span
        for place in (span.start, span.end)
    ]
    if places != sorted(places):
        raise Invalid("page_invalid", "browsers nest its paywalls in each other; close every tag")
    metadata = reader.metadata
    return Page(
        source=source,
        paywalls=reader.paywalls,
        title=" ".join((metadata.get("og:title") or reader.heading.strip() or reader.title).split()),
        description=metadata.get("description") or metadata.get("og:description") or "",
        canonical=metadata.get("canonical") or metadata.get("og:url") or "",
        links=frozenset(reader.links),
        ids=frozenset(reader.ids),
    )


def write_page(page: Page, seal: Callable[[Paywall], str]) -> str:
    """The page without its paid parts; the opening tag of each paywall carries the result of `seal` instead."""
    text = page.source
    for paywall in reversed(page.paywalls):
        if paywall.part is None:
            continue
        name = SEALED if paywall.name == ELEMENT else f"data-{SEALED}"
        text = text[: paywall.part.start] + text[paywall.part.end :]
        close = paywall.tag.end - 1
        text = f'{text[:close]} {name}="{escape(seal(paywall))}"{text[close:]}'
    return text


@dataclass
class _PageReader:
    """Collects the paywalls, the metadata, the links and the ids of a page."""

    source: str
    paywalls: list[Paywall] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)
    title: str = ""
    heading: str = ""
    charset: str = ""
    links: set[str] = field(default_factory=set)
    ids: set[str] = field(default_factory=set)

    def read(self) -> None:
        """Walk the tree in document order."""
        ahead: list[tuple[Any, Paywall | None]] = [(tree.document(self.source), None)]
        while ahead:
            node, paywall = ahead.pop()
            if tree.is_element(node):
                if tree.is_html(node) and node.name == PART and PAID_ATTRIBUTE in tree.attributes(node):
                    self._part(node, paywall)
                    continue
                paywall = self._paywall(node, paywall) or paywall
                if paywall is not None:
                    paywall.templates += node.name == PART and tree.closing(node, self.source) is not None
                self._note(node)
            ahead.extend((child, paywall) for child in reversed(tree.children(node)))

    def _paywall(self, node: Any, outer: Paywall | None) -> Paywall | None:
        found = tree.attributes(node)
        if PAID_ATTRIBUTE in found:
            raise Invalid(
                "page_invalid",
                f"<{node.name} {PAID_ATTRIBUTE}>: a paid part is a {PAID_PART}, outside of SVG",
            )
        if not _is_paywall(node):
            return None
        own, others = ("", "data-") if node.name == ELEMENT else ("data-", "")
        attributes = {name.removeprefix("data-"): value for name, value in found.items() if name.startswith(own)}
        start, end = tree.opening(node, self.source)
        paywall = Paywall(Span(start, end), node.name, attributes)
        if not tree.is_html(node):
            raise _wrong(paywall, "it is inside SVG or MathML, where browsers ignore it; move it out")
        if outer is not None:
            raise _wrong(paywall, f"it is inside the paywall of {outer.item_id or 'no item'}; put it after that")
        if wrong := [name for name in ATTRIBUTES if others + name in found]:
            raise _wrong(paywall, f"write {own}{wrong[0]} in <{node.name}>, not {others}{wrong[0]}")
        closing = tree.closing(node, self.source)
        if closing is None:
            raise _wrong(paywall, f"it is never closed; write </{node.name}>, because such a tag is not self-closing")
        paywall.closes_at = closing[0]
        self.paywalls.append(paywall)
        return paywall

    def _part(self, node: Any, paywall: Paywall | None) -> None:
        start, end = tree.opening(node, self.source)
        if paywall is None:
            line = self.source.count("\n", 0, start) + 1
            raise Invalid("page_invalid", f"line {line}: a {PAID_PART} is outside of every <{ELEMENT}>")
        if paywall.part is not None:
            raise _wrong(paywall, "it has two paid parts; merge them")
        closing = tree.closing(node, self.source)
        if closing is None:
            raise _wrong(paywall, f"its {PAID_PART} is never closed")
        inside = [inner for child in tree.children(node) for inner in tree.nodes(child) if tree.is_element(inner)]
        if any(_is_paywall(inner) or PAID_ATTRIBUTE in tree.attributes(inner) for inner in inside):
            raise _wrong(paywall, "a paywall is in its paid part and would be sold with it; put it after the part")
        paywall.paid = self.source[end : closing[0]]
        paywall.part = Span(start, closing[1])
        ends = sum(inner.name == PART and tree.closing(inner, self.source) is not None for inner in inside)
        if len(_PART_ENDS.findall(paywall.paid)) != ends:
            raise _wrong(
                paywall, "its paid part holds </template> as text, which can be read as its end; write &lt;/template>"
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
            self.metadata.setdefault("canonical", found.get("href", ""))
        elif node.name == "meta":
            self.metadata.setdefault(found.get("property") or found.get("name") or "", found.get("content", ""))
            declared = _CHARSET.search(found.get("content", "")) if "http-equiv" in found else None
            self.charset = self.charset or found.get("charset", "") or (declared[1] if declared else "")


def anchors(paid: str) -> tuple[set[str], set[str]]:
    """The targets of the links in a paid part, and its ids."""
    inside = [node for node in tree.nodes(tree.fragment(paid)) if tree.is_element(node)]
    links = {tree.attributes(node)["href"] for node in inside if "href" in tree.attributes(node)}
    return links, {one for node in inside for one in _ids(node)}


def captions(paid: str) -> Iterator[str]:
    """The texts of a paid part that stand in attributes: `alt`, `title` and `aria-label`."""
    for node in tree.nodes(tree.fragment(paid)):
        if tree.is_element(node):
            found = tree.attributes(node)
            yield from (found[name] for name in ("alt", "title", "aria-label") if found.get(name))


def _ids(node: Any) -> set[str]:
    found = tree.attributes(node)
    return {found[name] for name in ("id", "name") if found.get(name) and (name == "id" or node.name == "a")}


def _is_paywall(node: Any) -> bool:
    return bool(node.name == ELEMENT or tree.attributes(node).get(STAND_IN) == "paywall")


def _check(paywall: Paywall, source: str) -> None:
    if (paywall.part or paywall.sealed) and not SLUG.fullmatch(paywall.item_id):
        raise _wrong(paywall, 'it names no item; write item="my-essay", of a-z, 0-9 and -')
    if paywall.paid is not None and not (tree.text_of(paywall.paid) or tree.has_elements(paywall.paid)):
        raise _wrong(paywall, "its paid part is empty")
    if paywall.paid is not None and len(paywall.paid.encode()) > MOST_PART_BYTES:
        raise _wrong(paywall, f"its paid part has more than {MOST_PART_BYTES:,} bytes; keep its pictures in files")
    if paywall.part and len(_PART_ENDS.findall(source, paywall.part.end, paywall.closes_at)) > paywall.templates:
        raise _wrong(paywall, "it has more </template> than templates; write &lt;/template> for the text")
    if paywall.part and paywall.sealed is not None:
        raise _wrong(paywall, "it is sealed already and holds a paid part in clear; build the page anew")
    if paywall.part and _NO_VALUE.search(source[paywall.tag.start : paywall.tag.end]):
        raise _wrong(paywall, "its tag ends in an attribute without a value")


def _check_letters(source: str, charset: str) -> None:
    if charset and charset.lower() not in _UTF_8:
        raise Invalid("page_invalid", f"it declares the encoding {charset}: have the generator write and declare UTF-8")
    if "\0" in source:
        raise Invalid("page_invalid", "it contains a NUL, which parsers treat differently")


def _check_ends(paywalls: list[Paywall], source: str) -> None:
    inside = sum(len(_PAYWALL_ENDS.findall(paywall.paid)) for paywall in paywalls if paywall.paid)
    if len(_PAYWALL_ENDS.findall(source)) - inside > sum(paywall.name == ELEMENT for paywall in paywalls):
        raise Invalid("page_invalid", f"it has more </{ELEMENT}> than paywalls")


def _wrong(paywall: Paywall, what: str) -> Invalid:
    return Invalid("page_invalid", f"the paywall of {paywall.item_id or 'no item'}: {what}")
