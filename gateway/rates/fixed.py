"""Rates that never change, for a gateway that sells for play money."""

from collections.abc import Iterable, Mapping

from gateway.ports.clock import Clock
from gateway.rates.rate import Rate, rate_for
from gateway.rows import rfc3339


class FixedRates:
    """Gives the same rates for ever, marked as fixed."""

    def __init__(self, per_bitcoin: Mapping[str, float], clock: Clock) -> None:
        self._per_bitcoin, self._clock = per_bitcoin, clock

    def of(self, tags: Iterable[str]) -> Rate | None:
        """The first known rate among the currencies of language tags, else in US dollars."""
        return rate_for(tags, self._per_bitcoin, at=rfc3339(int(self._clock())), fixed=True)

    async def past(self, tags: Iterable[str], *, at: int) -> Rate | None:
        """As `of`: they were the same then."""
        return rate_for(tags, self._per_bitcoin, at=rfc3339(at), fixed=True)
