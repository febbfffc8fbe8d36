"""Finds copies of paid words in clear text, such as a feed, a search index or a summary."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from html import unescape
from urllib.parse import unquote

from gateway.cli.sealing.page import captions
from gateway.cli.sealing.tree import text_of

# A copy is a run of this many letters and digits; shorter quotes are allowed.
RUN = 48
# A text is compared at every STEPth position.
STEP = RUN // 4
# A part shorter than a run is searched for as a whole, unless it is so short that any page may contain it.
SHORTEST_PART, SHORTEST_CAPTION = 12, 24
# Bounds the memory: of more letters than this only some runs are kept, and only longer copies are found for certain.
MOST_RUNS = 1_000_000
_PERCENT = re.compile(r"(?:%[0-9a-fA-F]{2})+")
_ESCAPED = re.compile(r"((?:\\u[0-9a-fA-F]{4})+)|\\(?:x([0-9a-fA-F]{2})|u\{([0-9a-fA-F]{1,5})\})|\\[nrtbf]|\\(.)")
_TAG = re.compile(r"</?[a-zA-Z!][^<>]*>")
_LINK = re.compile(r"!\[[^][]*\](?:\([^()]*\)|\[[^][]*\])|\](?:\([^()]*\)|\[[^][]*\])")
_NO_LETTER = re.compile(r"[\W_]+")


class PaidWords:
    """The paid parts of a site, as hashes of runs of letters that a copy of any part contains."""

    def __init__(self, parts: Iterable[str]) -> None:
        html = list(parts)
        texts = [_letters(text_of(part)) for part in html]
        shown = [_letters(caption) for part in html for caption in captions(part)]
        self._short = {text for text in texts if SHORTEST_PART <= len(text) < RUN}
        self._short |= {text for text in shown if SHORTEST_CAPTION <= len(text) < RUN}
        texts += shown
        # The kept runs of a period cover every residue of STEP, so one compared position falls on a kept run.
        period = STEP * (1 + sum(map(len, texts)) // MOST_RUNS)
        self._runs = {
            hash(text[at : at + RUN]) for text in texts for at in range(len(text) - RUN + 1) if at % period < STEP
        }
        self.alphabet = frozenset("".join(html))

    def occur_in(self, text: str) -> bool:
        """Whether a text contains a copy, escaped as HTML, HTML in XML, JSON, Markdown or a URL."""
        if not self._runs and not self._short:
            return False
        return any(map(self._contained, _variants(plain(text))))

    def _contained(self, letters: str) -> bool:
        if any(text in letters for text in self._short):
            return True
        return any(hash(letters[at : at + RUN]) in self._runs for at in range(0, len(letters) - RUN + 1, STEP))


# Mentions, paid words and links are searched for in the same piece, one after the other.
@lru_cache(maxsize=2)
def plain(text: str) -> str:
    """A text with the escapes of URLs, JSON and HTML decoded, also where they are nested."""
    if "%" in text:
        text = _PERCENT.sub(lambda match: unquote(match[0], errors="replace"), text)
    if "\\" in text:
        text = _repeated(lambda escaped: _ESCAPED.sub(_unescaped, escaped), text)
    return _repeated(unescape, text) if "&" in text else text


def _repeated(step: Callable[[str], str], text: str) -> str:
    for _ in range(3):
        before, text = text, step(text)
        if text == before:
            break
    return text


def _variants(text: str) -> Iterator[str]:
    """The letters of a text with tags and attributes, without them, and without the targets of Markdown links."""
    yield _letters(text)
    bare = _TAG.sub("", text) if "<" in text else text
    if bare is not text:
        yield _letters(bare)
    if "](" in bare or "][" in bare:
        yield _letters(_LINK.sub("", bare))


def _letters(text: str) -> str:
    """The letters and digits of a text, with case folded and marks removed."""
    letters = _NO_LETTER.sub("", text).casefold()
    if letters.isascii():
        return letters
    # Combining marks were removed before: normalising long sequences of them takes quadratic time.
    return _NO_LETTER.sub("", unicodedata.normalize("NFKD", letters))


def _unescaped(match: re.Match[str]) -> str:
    units, two, some, other = match.groups()
    if units:
        return bytes.fromhex(units.replace("\\u", "")).decode("utf-16-be", "replace")
    if two or some:
        return chr(int(two or some, 16))
    return other or " "
