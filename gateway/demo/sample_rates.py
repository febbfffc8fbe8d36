"""The exchange rates of the demo, so that a visitor sees prices in their own money. They are round, and no market's."""

from collections.abc import Mapping
from types import MappingProxyType

SAMPLE_RATES: Mapping[str, float] = MappingProxyType(
    {
        "USD": 100_000,
        "EUR": 90_000,
        "GBP": 80_000,
        "CHF": 80_000,
        "BRL": 500_000,
        "CNY": 700_000,
        "JPY": 15_000_000,
        "KRW": 140_000_000,
    }
)
