"""Renders Markdown to sanitised HTML: articles with front matter and a free preview, and short texts."""

import re
from collections.abc import MutableMapping
from functools import cache
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore

from gateway.catalog.comments import without_comments
from gateway.catalog.front_matter import empty_text, split_front_matter
from gateway.catalog.html_text import text_of_html
from gateway.catalog.word_count import count_words
from gateway.ports.renderer import Article

_PARAGRAPH_END = re.compile(r"\n[ \t]*\n")
_HEADING = re.compile(r"\A\s*#[ \t]+(?P<title>[^\s][^\n]*)\n")
_OTHER_THAN_ENGLISH = re.compile(r"(?![\x00-\x7f])[^\W\d_]")
_TYPED = (
    (re.compile(r"\.{3}"), "…"),
    (re.compile(r"(?<![\s-])---(?![\s-])|(?<!\S)---(?!\S)"), "—"),
    (re.compile(r"(?<![\s-])--(?![\s-])|(?<!\S)--(?!\S)"), "–"),
)
_TAGS = {
    "a", "abbr", "b", "blockquote", "br", "code", "del", "em", "figcaption", "figure", "h2", "h3", "h4", "hr", "i",
    "li", "ol", "p", "pre", "s", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip


def render_article(source: str) -> Article:
    """Render an article. Its preview ends at `<!-- more -->`, else after the first of several paragraphs.

    Raises `Invalid` (`article_invalid`) for front matter with unknown fields and for a text without words.
    """
    fields, body = split_front_matter(source)
    body, cut = without_comments(body)
    heading = _HEADING.match(body)
    title = without_comments(fields.get("title", ""))[0].strip() or (heading["title"].strip() if heading else "")
    if heading:
        body = body[heading.end() :]
        cut = None if cut is None else max(0, cut - heading.end())
    # Link references of the whole text: the preview may use one that is defined in the paid part.
    known: MutableMapping[str, Any] = {}
    english = _is_english(body)
    html = _render(body, known, english=english)
    words = count_words(text_of_html(html))
    if not words:
        raise empty_text()
    return Article(
        fields=fields,
        title=title,
        preview_html=_render(_preview(body, cut), known, english=english),
        marked=cut is not None,
        html=html,
        word_count=words,
    )


def render_markup(markdown: str) -> str:
    """Render Markdown to HTML without scripts, styles, images, forms and comments; its links send no referrer."""
    text = without_comments(markdown)[0]
    return _render(text, {}, english=_is_english(text))


def _render(markdown: str, known: MutableMapping[str, Any], *, english: bool) -> str:
    """`known` collects link references; references that it holds already are used as well."""
    html = _markdown(english=english).render(markdown, known)
    return nh3.clean(html, tags=_TAGS, link_rel="noopener noreferrer nofollow")


def _is_english(text: str) -> bool:
    """Whether all letters are ASCII, so that the text may be English."""
    return _OTHER_THAN_ENGLISH.search(text) is None


def _preview(body: str, cut: int | None) -> str:
    """The Markdown of the preview. A single paragraph without a mark has none, because all of it is paid."""
    if cut is not None:
        return body[:cut]
    parts = _PARAGRAPH_END.split(body.strip(), maxsplit=1)
    return parts[0] if len(parts) > 1 else ""


@cache
def _markdown(*, english: bool) -> MarkdownIt:
    """The parser. English quotation marks are set in English texts only: other languages have their own."""
    parser = MarkdownIt("commonmark", {"html": False, "typographer": english}).enable(
        ["table", "strikethrough", "smartquotes"]
    )
    parser.core.ruler.push("dashes", _set_dashes)
    return parser


def _set_dashes(state: StateCore) -> None:
    """Replace dots and dashes by their typographic forms, except in addresses; `(c)` and the like stay."""
    for token in state.tokens:
        is_address = False
        for child in token.children or ():
            if child.type in {"link_open", "link_close"}:
                is_address = child.info == "auto" and child.type == "link_open"
            elif child.type == "text" and not is_address:
                for typed, printed in _TYPED:
                    child.content = typed.sub(printed, child.content)
