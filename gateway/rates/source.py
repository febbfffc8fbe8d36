"""Polls exchange rates of bitcoin. They are shown beside amounts in sat and never used for a price."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout
from babel.numbers import is_currency

from gateway.ports.clock import Clock
from gateway.rates.history import RateHistory
from gateway.rates.rate import Rate, rate_for
from gateway.rows import rfc3339
from gateway.supervise import Progress

EVERY_SECONDS = 600.0
PATIENCE = ClientTimeout(total=10)
MOST_BYTES = 65_536
MOST_PER_BITCOIN = 10**15
# A rate that is hours old misleads more than none.
STALE_SECONDS = 2 * 3600

log = structlog.get_logger()


class ExchangeRates:
    """The latest rates of a source with the format of mempool's `/api/v1/prices`: `{"EUR": 90000, "USD": …}`."""

    def __init__(self, url: str, clock: Clock, history: RateHistory) -> None:
        self._url, self._clock, self._history = url, clock, history
        self._per_bitcoin: Mapping[str, float] = {}
        self._at = 0

    async def follow(self, progress: Progress) -> None:
        """Poll the source every ten minutes, and keep what it says; a failure is only logged."""
        async with ClientSession(timeout=PATIENCE) as session:
            while True:
                try:
                    self._per_bitcoin, self._at = await self._ask(session), int(self._clock())
                except (ClientError, TimeoutError, ValueError, RecursionError) as error:
                    log.warning("rates_away", error=str(error) or type(error).__name__)
                else:
                    await self._history.keep(self._per_bitcoin, at=self._at)
                progress.made()
                await asyncio.sleep(EVERY_SECONDS)

    def of(self, tags: Iterable[str]) -> Rate | None:
        """The first known rate among the currencies of language tags, else in US dollars; None if it is stale."""
        if self._clock() - self._at > STALE_SECONDS:
            return None
        return rate_for(tags, self._per_bitcoin, at=rfc3339(self._at))

    async def past(self, tags: Iterable[str], *, at: int) -> Rate | None:
        """As `of`, by the rates that were kept near an instant."""
        rates = await self._history.near(at)
        return None if rates is None else rate_for(tags, rates.per_bitcoin, at=rfc3339(rates.at))

    async def _ask(self, session: ClientSession) -> Mapping[str, float]:
        async with session.get(self._url, raise_for_status=True) as response:
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise ValueError(f"The source sends more than {MOST_BYTES} bytes.")
        known = msgspec.json.decode(body, type=dict[str, Any])
        return {name: float(price) for name, price in known.items() if is_currency(name) and _is_price(price)}


def _is_price(price: object) -> bool:
    """Whether a value is a price: a source may list other fields, or null for a currency."""
    return isinstance(price, int | float) and not isinstance(price, bool) and 0 < price < MOST_PER_BITCOIN
