"""The rate that a reader is shown: in the currency of their region if it is known, else in US dollars."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

import msgspec
from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.numbers import get_territory_currencies

FALLBACK_CURRENCY = "USD"


class Rates(Protocol):
    """Where rates come from."""

    def of(self, tags: Iterable[str]) -> "Rate | None":
        """The first known rate among the currencies of language tags, else in US dollars."""

    async def past(self, tags: Iterable[str], *, at: int) -> "Rate | None":
        """As `of`, at an instant that has passed; None where no rates of then are known."""


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """The price of one bitcoin in a currency (ISO 4217), and when the source was asked (RFC 3339).

    `fallback`: the currency is not the first choice of the reader's languages, so it is shown by its code. `fixed`: the
    rate is a sample, as in the demo.
    """

    currency: str
    per_bitcoin: float
    at: str
    fallback: bool
    fixed: bool = False


def rate_for(tags: Iterable[str], per_bitcoin: Mapping[str, float], *, at: str, fixed: bool = False) -> Rate | None:
    """The rate in the first known currency of language tags, else in US dollars; None if these are unknown, too."""
    wanted = [currencies for tag in tags if (currencies := list(_currencies(tag)))]
    found = next((currency for currencies in wanted for currency in currencies if currency in per_bitcoin), None)
    currency = found or FALLBACK_CURRENCY
    if currency not in per_bitcoin:
        return None
    fallback = not wanted or currency not in wanted[0]
    return Rate(currency=currency, per_bitcoin=per_bitcoin[currency], at=at, fallback=fallback, fixed=fixed)


def _currencies(tag: str) -> Iterator[str]:
    """The currencies of the region that a language tag names, or most likely implies."""
    try:
        locale = Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError, TypeError):
        return
    territory = locale.territory
    if territory is None:
        likely = get_global("likely_subtags").get(locale.language, "")
        territory = likely.rpartition("_")[2]
    yield from get_territory_currencies(territory or "")
