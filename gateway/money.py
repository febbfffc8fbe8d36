"""Amounts in millisatoshi: integers, with the unit in every name."""

import re
from collections.abc import Sequence
from typing import NewType

Msat = NewType("Msat", int)

MSAT_PER_SAT = 1000
MSAT_PER_BITCOIN = 100_000_000 * MSAT_PER_SAT
MAX_MSAT = Msat(21_000_000 * MSAT_PER_BITCOIN)
MIN_PRICE_MSAT = Msat(1 * MSAT_PER_SAT)

_PRICE = re.compile(r"(?P<number>[0-9]{1,19})\s*(?P<unit>m?(?:sats?|satoshis?))")
_LONGEST_PRICE = 40


def from_sat(amount_sat: int) -> Msat:
    """Whole satoshi as msat."""
    return Msat(amount_sat * MSAT_PER_SAT)


def to_sat(amount_msat: int) -> str:
    """An amount in sat for display: `100`, or `0.5` if it is not a whole number of sat."""
    whole, rest = divmod(amount_msat, MSAT_PER_SAT)
    return f"{whole:,}" if not rest else f"{whole:,}.{rest:03d}".rstrip("0")


def parse_price(text: str) -> Msat:
    """Parse `100sat`, `100 sats` or `100000msat`. Raises ValueError with an example of a price."""
    amount_msat = _parse(text)
    if amount_msat is None:
        said = text[:_LONGEST_PRICE]
        msg = f"{said!r} is not a price: write it as 100sat, in whole satoshi with the unit, without separators"
        raise ValueError(msg)
    return check_price(amount_msat)


def parse_fee(text: str) -> Msat:
    """Parse a fee: `2sat`, `1500msat` or `0sat`. Raises ValueError with an example."""
    amount_msat = _parse(text)
    if amount_msat is None or amount_msat > MAX_MSAT:
        msg = f"{text[:_LONGEST_PRICE]!r} is not a fee: write it as 2sat or 1500msat, with the unit"
        raise ValueError(msg)
    return Msat(amount_msat)


def _parse(text: str) -> int | None:
    """An amount in msat; None if the text is none."""
    match = _PRICE.fullmatch(text.strip().lower()) if len(text) <= _LONGEST_PRICE else None
    if match is None:
        return None
    return int(match["number"]) * (1 if match["unit"].startswith("m") else MSAT_PER_SAT)


def check_price(amount_msat: int) -> Msat:
    """Check that a price is whole sat, at least 1, because paying programs floor to sat. Raises ValueError."""
    if not MIN_PRICE_MSAT <= amount_msat <= MAX_MSAT or amount_msat % MSAT_PER_SAT:
        msg = f"{amount_msat} msat is not a price: it must be whole satoshi (a multiple of 1000 msat), at least 1 sat"
        raise ValueError(msg)
    return Msat(amount_msat)


def divide(amount_msat: int, weights: Sequence[int]) -> list[Msat]:
    """Divide by largest remainder, in the order of `weights`; the parts sum to `amount_msat` exactly.

    On equal remainders the earlier weight gets the extra msat, so that a split always divides in the same way.
    """
    total = sum(weights)
    assert amount_msat >= 0, "an amount to divide is not negative"
    assert total > 0, "a split has a weight"
    parts = [amount_msat * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: -(amount_msat * weights[i] % total))
    for i in by_remainder[: amount_msat - sum(parts)]:
        parts[i] += 1
    return [Msat(part) for part in parts]
