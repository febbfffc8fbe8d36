"""Past exchange rates, kept by the hour: a receipt shows what an amount was worth when it was paid.

They say nothing of any payment, so that nothing is kept of a reader's currency.
"""

from collections.abc import Mapping, Sequence

import structlog

from gateway.errors import OutcomeUnknown, Unavailable
from gateway.ports.store import Store
from gateway.rows import PastRates

NEAR_SECONDS = 3 * 3_600
"""Rates that are further from a payment do not show what it was worth."""

log = structlog.get_logger()


class RateHistory:
    """Keeps the first rates of each hour. Several replicas may do so on one database."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept_hour = -1

    async def keep(self, per_bitcoin: Mapping[str, float], *, at: int) -> None:
        """Store rates unless their hour has some; a failure is only logged."""
        rates = PastRates(at=at, per_bitcoin=per_bitcoin)
        if rates.hour == self._kept_hour or not per_bitcoin:
            return
        try:
            await self._store.write(lambda tx: tx.past_rates.insert(rates))
        except (Unavailable, OutcomeUnknown) as error:
            log.warning("rates_not_kept", error=error.detail)
        else:
            self._kept_hour = rates.hour

    async def near(self, instant: int) -> PastRates | None:
        """The rates of an instant, if some are near enough; None too if the database cannot be read."""
        try:
            found = await self._store.read(
                lambda tx: tx.past_rates.between(instant - NEAR_SECONDS, instant + NEAR_SECONDS)
            )
        except Unavailable:
            return None
        return rates_of(found, instant)


def rates_of(found: Sequence[PastRates], instant: int) -> PastRates | None:
    """The last rates until an instant, else the first after it: those never change, so a receipt never does."""
    before = [rates for rates in found if rates.at <= instant]
    after = [rates for rates in found if rates.at > instant]
    return max(before, key=_at, default=min(after, key=_at, default=None))


def _at(rates: PastRates) -> int:
    return rates.at
