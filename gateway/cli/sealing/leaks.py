"""Whether paid words stand in clear anywhere: a feed, a search index or a summary may have copied them."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from html import unescape
from urllib.parse import unquote

from gateway.cli.sealing.page import captions, text_of

# Runs of this many letters and digits are looked for; what is shorter than that may be quoted.
RUN = 48
# A text is looked at in every STEPth place.
STEP = RUN // 4
# A part that is shorter than a run is looked for as a whole, unless any page might say the same.
SHORTEST_PART, SHORTEST_CAPTION = 12, 24
# The memory for runs: of more letters than this, only some runs are kept, and only longer copies are sure to be found.
MOST_RUNS = 1_000_000
_PERCENT = re.compile(r"(?:%[0-9a-fA-F]{2})+")
_ESCAPED = re.compile(r"((?:\\u[0-9a-fA-F]{4})+)|\\(?:x([0-9a-fA-F]{2})|u\{([0-9a-fA-F]{1,5})\})|\\[nrtbf]|\\(.)")
_TAG = re.compile(r"</?[a-zA-Z!][^<>]*>")
_LINK = re.compile(r"!\[[^][]*\](?:\([^()]*\)|\[[^][]*\])|\](?:\([^()]*\)|\[[^][]*\])")
_NO_LETTER = re.compile(r"[\W_]+")


class PaidWords:
    """The paid parts of a site, as runs that a copy of any of them would share."""

    def __init__(self, parts: Iterable[str]) -> None:
        html = list(parts)
        texts = [_letters(text_of(part)) for part in html]
        shown = [_letters(caption) for part in html for caption in captions(part)]
        self._short = {text for text in texts if SHORTEST_PART <= len(text) < RUN}
        self._short |= {text for text in shown if SHORTEST_CAPTION <= len(text) < RUN}
        texts += shown
        # Of each period a text is looked at in every residue of STEP, so one look falls on a run that was kept.
        period = STEP * (1 + sum(map(len, texts)) // MOST_RUNS)
        self._runs = {
            hash(text[at : at + RUN]) for text in texts for at in range(len(text) - RUN + 1) if at % period < STEP
        }
        self.alphabet = frozenset("".join(html))

    def stand_in(self, text: str) -> bool:
        """Whether a text holds a copy, however it is escaped: HTML, HTML in XML, JSON, Markdown, an address."""
        if not self._runs and not self._short:
            return False
        return any(map(self._hold, _readings(plain(text))))

    def _hold(self, letters: str) -> bool:
        if any(text in letters for text in self._short):
            return True
        return any(hash(letters[at : at + RUN]) in self._runs for at in range(0, len(letters) - RUN + 1, STEP))


# Names, words and links are looked for in the same piece, one after the other.
@lru_cache(maxsize=2)
def plain(text: str) -> str:
    """A text without the escapes of addresses, JSON (in JSON) and HTML (in HTML)."""
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


def _readings(text: str) -> Iterator[str]:
    """With tags and their attributes, without them, and without the addresses of Markdown's links."""
    yield _letters(text)
    bare = _TAG.sub("", text) if "<" in text else text
    if bare is not text:
        yield _letters(bare)
    if "](" in bare or "][" in bare:
        yield _letters(_LINK.sub("", bare))


def _letters(text: str) -> str:
    """Letters and digits alone, whatever their case and composition."""
    letters = _NO_LETTER.sub("", text).casefold()
    if letters.isascii():
        return letters
    # Marks are gone already, so that this takes time in proportion to the text.
    return _NO_LETTER.sub("", unicodedata.normalize("NFKD", letters))


def _unescaped(match: re.Match[str]) -> str:
    units, two, some, other = match.groups()
    if units:
        return bytes.fromhex(units.replace("\\u", "")).decode("utf-16-be", "replace")
    if two or some:
        return chr(int(two or some, 16))
    return other or " "
