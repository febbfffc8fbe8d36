"""Whether paid words stand in clear anywhere: a feed, a search index or a summary may have copied them."""

import re
from collections.abc import Iterable
from html import unescape

from gateway.sealed.page import text_of

# Runs of this many letters and digits are looked for; what is shorter than that may be quoted.
RUN = 48
TEXTS = {".html", ".htm", ".xml", ".rss", ".atom", ".json", ".js", ".txt", ".md", ".map", ".svg", ".csv", ".xhtml"}
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})|\\[nrtbf]|\\(.)")
_TAG = re.compile(r"<[^>]*>")
_NO_LETTER = re.compile(r"[\W_]+")


class PaidWords:
    """The paid parts of a site, as runs that a copy of any of them would share."""

    def __init__(self, parts: Iterable[str]) -> None:
        self._runs: set[int] = set()
        for part in parts:
            letters = _letters(text_of(part))
            self._runs.update(hash(letters[at : at + RUN]) for at in range(max(1, len(letters) - RUN + 1)))

    def stand_in(self, text: str) -> bool:
        """Whether a text holds a copy, however it is escaped: HTML, HTML in XML, JSON."""
        if not self._runs:
            return False
        plain = unescape(unescape(_ESCAPED.sub(_unescaped, text)))
        letters = _letters(_TAG.sub("", plain))
        # Every offset of the paid part is known, so a look at every RUNth place of the text is enough.
        return any(hash(letters[at : at + RUN]) in self._runs for at in range(0, len(letters) - RUN + 1, RUN // 4))


def _letters(text: str) -> str:
    return _NO_LETTER.sub("", text).lower()


def _unescaped(match: re.Match[str]) -> str:
    if match[1]:
        return chr(int(match[1], 16))
    return match[2] or " "
