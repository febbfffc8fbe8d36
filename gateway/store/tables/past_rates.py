"""Past exchange rates, one row an hour."""

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, bindparam, select

from gateway.rows import PastRates, hour_of
from gateway.store.tables.insert import InsertOrIgnore
from gateway.store.tables.schema import past_rates

_INSERT = InsertOrIgnore(past_rates)
_BETWEEN = (
    select(past_rates.c.at, past_rates.c.per_bitcoin)
    .where(past_rates.c.hour.between(bindparam("first"), bindparam("last")))
    .order_by(past_rates.c.hour)
)


class PastRateRows:
    """Satisfies `ports.PastRateTable`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, rates: PastRates) -> bool:
        row = {"hour": rates.hour, "at": rates.at, "per_bitcoin": json.dumps(dict(rates.per_bitcoin))}
        return self._connection.execute(_INSERT, row).rowcount == 1

    def between(self, earliest: int, latest: int) -> Sequence[PastRates]:
        rows = self._connection.execute(_BETWEEN, {"first": hour_of(earliest), "last": hour_of(latest)})
        found = [PastRates(at=row.at, per_bitcoin=_prices(row.per_bitcoin)) for row in rows]
        return [rates for rates in found if earliest <= rates.at <= latest]


def _prices(text: str) -> Mapping[str, float]:
    """The prices of a row; none where a newer version wrote them in another form."""
    try:
        return {str(currency): float(price) for currency, price in json.loads(text).items()}
    except (ValueError, TypeError, AttributeError):
        return {}
