"""Crockford's base32: digits and capitals without look-alikes, for what people read out, write down and type.

Source: https://www.crockford.com/base32.html, without its check symbol.
"""

from unicodedata import normalize

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
BITS = 5
LONGEST_TYPED = 64
# Letters that are read as digits; the alphabet has none of them.
_FORGIVEN = str.maketrans("ILO", "110")


def encode(number: int, *, characters: int) -> str:
    """The low bits of a number, five a character."""
    places = reversed(range(characters))
    return "".join(ALPHABET[number >> BITS * place & len(ALPHABET) - 1] for place in places)


def decode(text: str) -> int:
    """The number of a text in the alphabet."""
    number = 0
    for letter in text:
        number = number << BITS | ALPHABET.index(letter)
    return number


def read(typed: str) -> str | None:
    """What somebody typed, in the alphabet; None where it holds another letter or is longer than 64.

    Case, full-width letters, spaces and dashes are ignored; I and L are read as 1, O as 0.
    """
    # Normalising takes time quadratic in the number of combining marks.
    if len(typed) > LONGEST_TYPED:
        return None
    letters = "".join(letter for letter in normalize("NFKC", typed) if letter.isalnum()).upper().translate(_FORGIVEN)
    return letters if set(letters) <= set(ALPHABET) else None
