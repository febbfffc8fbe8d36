"""Counts the words of a text, also in scripts without spaces between words."""

import re
from math import ceil

# Han, kana, their punctuation and full-width letters; then Thai, Lao, Burmese and Khmer. Korean uses spaces.
_EAST_ASIAN = re.compile(
    "[\u2e80-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff01-\uff9f\U00020000-\U0003ffff]"
)
_SOUTH_EAST_ASIAN = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
_CHARACTERS_PER_WORD = ((_EAST_ASIAN, 2), (_SOUTH_EAST_ASIAN, 5))


def count_words(text: str) -> int:
    """The number of words; for scripts without spaces, of as many words as take the same time to read."""
    counted = 0
    for letters, per_word in _CHARACTERS_PER_WORD:
        text, found = letters.subn(" ", text)
        counted += ceil(found / per_word)
    return counted + len(text.split())
