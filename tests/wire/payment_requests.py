"""Payment requests of any fields, written by means that share nothing with the gateway's own."""

import hashlib
from collections.abc import Sequence

from bech32 import CHARSET, bech32_encode, convertbits
from coincurve import PrivateKey

# The key of BOLT 11's examples.
KEY = PrivateKey(bytes.fromhex("e126f68f7eafcc8b74f54d269fe206be715000f94dac067d1c04a8ca3b2db734"))


def write(
    fields: Sequence[tuple[str, bytes]],
    *,
    signature: bytes | None = None,
    human: str = "lnbcrt10u",
    created_at: int = 0,
) -> str:
    """A payment request of these fields, in order, signed unless a signature is given."""
    words = [created_at >> 5 * place & 31 for place in reversed(range(7))]
    for tag, data in fields:
        data_words = convertbits(data, 8, 5) or []
        words += [CHARSET.index(tag), *divmod(len(data_words), 32), *data_words]
    padded = bytes(convertbits(words, 5, 8) or [])
    if signature is None:
        signature = KEY.sign_recoverable(hashlib.sha256(human.encode() + padded).digest(), hasher=None)
    return bech32_encode(human, words + (convertbits(signature, 8, 5) or []))
