"""The numbers of receipts, by which a payer and a creator mean the same payment.

A number is the day of the settlement (UTC) and six letters of Crockford's base32, the first 30 bits of the payment
hash: `2026-11-29-7KQ2M4`. It counts no sales and opens nothing; a log shows the same bits of the hash.
"""

from datetime import UTC, datetime

from gateway import crockford
from gateway.errors import Invalid

CHARACTERS = 6
_BITS = CHARACTERS * crockford.BITS
_HASH_BITS = 256
_DAY_DIGITS = len("20261129")


def receipt_number(payment_hash: str, settled_at: int) -> str:
    """The number of a payment."""
    letters = crockford.encode(int(payment_hash, 16) >> _HASH_BITS - _BITS, characters=CHARACTERS)
    return f"{datetime.fromtimestamp(settled_at, UTC).date()}-{letters}"


def read_receipt_number(typed: str) -> str:
    """The number that somebody typed, with the same letters forgiven as in a recovery code.

    Raises `Invalid` (`receipt_number_malformed`).
    """
    found = crockford.read(typed) or ""
    day, letters = found[:_DAY_DIGITS], found[_DAY_DIGITS:]
    if day.isdecimal() and len(letters) == CHARACTERS:
        return f"{day[:4]}-{day[4:6]}-{day[6:]}-{letters}"
    raise Invalid(
        "receipt_number_malformed", "A receipt's number is a day and six letters and digits, like 2026-11-29-7KQ2M4."
    )


def hashes_of(number: str) -> tuple[str, str]:
    """The lowest and the highest payment hash that a number may belong to."""
    bits = crockford.decode(number[-CHARACTERS:])
    rest = _HASH_BITS - _BITS
    return f"{bits << rest:064x}", f"{(bits + 1 << rest) - 1:064x}"
