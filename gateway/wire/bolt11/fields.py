"""The tagged fields of a payment request, between its creation date and its signature."""

from collections.abc import Iterator, Sequence

from gateway.wire.bech32 import CHARSET, to_int

CREATED_AT_WORDS, SIGNATURE_WORDS = 7, 104


def split_fields(words: Sequence[int]) -> Iterator[tuple[str, Sequence[int]]]:
    """The tagged fields between creation date and signature. Raises ValueError if one is cut short."""
    at = 0
    while at < len(words):
        head = words[at : at + 3]
        end = at + 3 + to_int(head[1:])
        if len(head) < 3 or end > len(words):
            msg = "a field of the payment request is cut short"
            raise ValueError(msg)
        yield CHARSET[head[0]], words[at + 3 : end]
        at = end
