"""Derives ids from titles."""

import re
import unicodedata

# Latin letters that Unicode normalisation does not decompose.
_LATIN = str.maketrans(
    {"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"}
    | {"đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i", "’": "", "'": ""}
)
_READ_CHARACTERS = 200


def slug_of(title: str, fallback: str) -> str:
    """An id for a title. `fallback` is used if most of the title's letters have no Latin form."""
    letters = unicodedata.normalize("NFKD", title[:_READ_CHARACTERS].translate(_LATIN)).lower()
    plain = [letter for letter in letters if not unicodedata.combining(letter)]
    kept = sum(letter.isascii() and letter.isalpha() for letter in plain)
    if sum(letter.isalpha() for letter in plain) > 2 * kept:
        return fallback
    slug = re.sub(r"[^a-z0-9]+", "-", "".join(plain)).strip("-")[:64].strip("-")
    return slug or fallback
