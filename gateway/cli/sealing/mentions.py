"""Finds mentions of a paywall that a browser does not read as one: an escaped tag, an unrendered shortcode."""

import re

from gateway.cli.sealing.leaks import plain

_SEALED = re.compile(
    r"<(?:tuppence-paywall|div|section|\w+)\b[^<>]*\s(?:data-)?sealed\s*=\s*[\"']?[\w-]+\.\.[\w-]+", re.IGNORECASE
)
_OMITTED = r"<!--\s*raw HTML omitted\s*-->"
_NAMES = {
    "a paywall without a paid part": (
        r"<\s*(?:\w+:)?tuppence-paywall\b",
        r"(?<!\[)\bdata-tuppence[\"'`\]]*\s*[=:]\s*[{(]?\s*[\"'`]?\s*paywall\b",
        r"<[a-z][^<>]*\sdata-paid\b",
        r"[\"'`]tuppence-paywall[\"'`]\s*,\s*(?:\{|null\b)",
    ),
    "a shortcode, an include or a component that was not rendered": (
        r"\{\{-?\s*[<%][\s/*]*(?:paid|tuppence)\b",
        r"\{\{-?\s*(?:partial|template|include)\s+[\"']?(?:[\w-]*/)*(?:paid|tuppence)\b",
        r"\{%-?\s*(?:end)?(?:paid|tuppence)\b",
        r"\{%-?\s*(?:capture|include|include_relative|include_cached|render|paired)\s+[\"']?(?:[\w.-]*/)*(?:paid|tuppence)\b",
        r"</?Paid(?=[\s/>])",
        r"\[/?tuppence[\w-]*[\s\]]|\[/paid\]",
    ),
    "a comment of a Markdown renderer that dropped tags (raw HTML omitted)": (_OMITTED,),
}
_SIGNS = {what: re.compile("|".join(signs), re.IGNORECASE) for what, signs in _NAMES.items()}
_MARKING = (
    re.compile(r"isAccessibleForFree\W+false\b", re.IGNORECASE),
    re.compile(r"cssSelector\W+\.paywall\b", re.IGNORECASE),
)
_HINTS = re.compile(r"paid|tuppence|raw HTML omitted|paywall", re.IGNORECASE)


def mention_in(text: str, *, holds_part: bool = False) -> str | None:
    """The kind of mention in a text, or None; sealed tags do not count. `holds_part`: the file has a paid part."""
    bare = plain(text)
    if not _HINTS.search(bare):
        return None
    for one in (bare, text):
        rest, count = _SEALED.subn(" ", one)
        for what, sign in _SIGNS.items():
            if sign.search(rest) and not (holds_part and "omitted" in what):
                return what
        if not (holds_part or count) and all(sign.search(rest) for sign in _MARKING):
            return "its marking for search engines says that a part is paid for, and there is none"
    return None


def has_dropped_tags(html: str) -> bool:
    """Whether a Markdown renderer dropped tags from a part, as its comment says."""
    return re.search(_OMITTED, html, re.IGNORECASE) is not None
