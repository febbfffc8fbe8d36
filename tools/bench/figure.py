"""One line of the table: what was measured, against what target."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A measured value with the spread of its rounds; a line without a target explains another."""

    what: str
    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""
    samples: Sequence[float] = field(default=(), repr=False)

    @property
    def target(self) -> str:
        """The target as people read it, empty where there is none."""
        if self.at_least is not None:
            return f"at least {self.at_least:,g}"
        return "" if self.at_most is None else f"at most {self.at_most:,g}"

    @property
    def is_reached(self) -> bool | None:
        """Whether the value meets its target; None where there is none."""
        if self.at_least is not None:
            return self.value >= self.at_least
        return None if self.at_most is None else self.value <= self.at_most


def line_of(
    what: str,
    samples: Sequence[float],
    unit: str,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    note: str = "",
) -> Line:
    """The median of some rounds, and the lowest and the highest of them."""
    return Line(
        what=what,
        value=median(samples),
        unit=unit,
        low=min(samples),
        high=max(samples),
        at_least=at_least,
        at_most=at_most,
        note=note,
        samples=[round(sample, 4) for sample in samples],
    )


def percentile(samples: Sequence[float], percent: int) -> float:
    """The value below which `percent` of the samples lie."""
    return quantiles(samples, n=100, method="inclusive")[percent - 1]
