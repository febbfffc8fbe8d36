"""Bech32 (BIP 173) without its limit of 90 characters, as BOLT 11 and LNURL use it. A word has five bits."""

from collections.abc import Sequence

CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

_VALUES = {character: value for value, character in enumerate(CHARSET)}
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM_WORDS = 6


def open_bech32(text: str) -> tuple[str, list[int]]:
    """The human-readable part and the words. Raises ValueError for other characters or a wrong checksum."""
    lower = text.lower()
    human, separator, data = lower.rpartition("1")
    if text not in (lower, text.upper()) or not separator or not human.isascii() or set(data) - _VALUES.keys():
        msg = "its characters are not those of bech32"
        raise ValueError(msg)
    words = [_VALUES[character] for character in data]
    if _polymod(human, words) != 1:
        msg = "it is damaged: its checksum does not fit"
        raise ValueError(msg)
    return human, words[:-_CHECKSUM_WORDS]


def write_bech32(human: str, words: Sequence[int]) -> str:
    """The text of a human-readable part and words, with its checksum."""
    return human + "1" + "".join(CHARSET[word] for word in (*words, *_checksum(human, words)))


def _checksum(human: str, words: Sequence[int]) -> list[int]:
    return to_words(_polymod(human, [*words, *[0] * _CHECKSUM_WORDS]) ^ 1, _CHECKSUM_WORDS)


def _polymod(human: str, words: Sequence[int]) -> int:
    residue = 1
    codes = human.encode()
    for part in ([code >> 5 for code in codes], [0], [code & 31 for code in codes], words):
        for value in part:
            residue = (residue & 0x1FFFFFF) << 5 ^ value ^ _REMAINDERS[residue >> 25]
    return residue


def _remainder(top: int) -> int:
    remainder = 0
    for bit, generator in enumerate(_GENERATOR):
        remainder ^= generator if top >> bit & 1 else 0
    return remainder


_REMAINDERS = [_remainder(top) for top in range(32)]


def to_int(words: Sequence[int]) -> int:
    """Words as a number, most significant first."""
    number = 0
    for word in words:
        number = number << 5 | word
    return number


def to_words(number: int, count: int) -> list[int]:
    """A number in `count` words."""
    return [number >> 5 * place & 31 for place in reversed(range(count))]


def number_to_words(number: int) -> list[int]:
    """A number in as few words as it needs."""
    return to_words(number, max(1, (number.bit_length() + 4) // 5))


def bytes_to_words(data: bytes) -> list[int]:
    """Bytes as words, the last one padded with zero bits."""
    count = (len(data) * 8 + 4) // 5
    return to_words(int.from_bytes(data) << (count * 5 - len(data) * 8), count)


def words_to_bytes(words: Sequence[int]) -> bytes:
    """Words as bytes, without the padding of the last word."""
    size = len(words) * 5 // 8
    return (to_int(words) >> (len(words) * 5 - size * 8)).to_bytes(size)
