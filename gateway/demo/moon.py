"""Where the moon stands: elongation, phase, and the instants of new and full, within a few minutes.

From Meeus, Astronomical Algorithms, chapters 25 and 47, cut to the terms that move the moon by a minute or more.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import cos, radians, sin

J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)
# Terrestrial time runs ahead of UTC.
AHEAD = timedelta(seconds=69)
DAYS_PER_CENTURY = 36525.0
NEW, FULL = 0.0, 180.0
_MINUTE = timedelta(minutes=1)
_STEP = timedelta(days=1)

# Multiples of D, M, M', F and the amplitude of the sine, in millionths of a degree.
_TERMS = (
    (0, 0, 1, 0, 6288774), (2, 0, -1, 0, 1274027), (2, 0, 0, 0, 658314), (0, 0, 2, 0, 213618),
    (0, 1, 0, 0, -185116), (0, 0, 0, 2, -114332), (2, 0, -2, 0, 58793), (2, -1, -1, 0, 57066),
    (2, 0, 1, 0, 53322), (2, -1, 0, 0, 45758), (0, 1, -1, 0, -40923), (1, 0, 0, 0, -34720),
    (0, 1, 1, 0, -30383), (2, 0, 0, -2, 15327), (0, 0, 1, 2, -12528), (0, 0, 1, -2, 10980),
    (4, 0, -1, 0, 10675), (0, 0, 3, 0, 10034), (4, 0, -2, 0, 8548), (2, 1, -1, 0, -7888),
    (2, 1, 0, 0, -6766), (1, 0, -1, 0, -5163), (1, 1, 0, 0, 4987), (2, -1, 1, 0, 4036),
    (2, 0, 2, 0, 3994), (4, 0, 0, 0, 3861), (2, 0, -3, 0, 3665),
)  # fmt: skip


def elongation(instant: datetime) -> float:
    """How far the moon is east of the sun, 0 to 360 degrees: 0 is new, 180 full."""
    centuries = (instant + AHEAD - J2000).total_seconds() / 86_400 / DAYS_PER_CENTURY
    anomaly = radians(357.5291092 + 35999.0502909 * centuries)
    arguments = (
        radians(297.8501921 + 445267.1114034 * centuries),
        anomaly,
        radians(134.9633964 + 477198.8675055 * centuries),
        radians(93.2720950 + 483202.0175233 * centuries),
    )
    moon = 218.3164477 + 481267.88123421 * centuries
    for *multiples, amplitude in _TERMS:
        angle = sum(n * argument for n, argument in zip(multiples, arguments, strict=True))
        moon += amplitude / 1_000_000 * sin(angle)
    sun = 280.46646 + 36000.76983 * centuries - 0.00569
    sun += 1.914602 * sin(anomaly) + 0.019993 * sin(2 * anomaly) + 0.000289 * sin(3 * anomaly)
    return (moon - sun) % 360


def lit_fraction(instant: datetime) -> float:
    """The lit part of the disc, 0 to 1."""
    return (1 - cos(radians(elongation(instant)))) / 2


def phases(year: int, target: float) -> Iterator[datetime]:
    """The instants (UTC, to the minute) of a year at which the elongation is `target` degrees."""
    start = datetime(year, 1, 1, tzinfo=UTC)
    while start.year == year:
        end = start + _STEP
        if _is_before(start, target) and not _is_before(end, target):
            instant = _between(start, end, target)
            if instant.year == year:
                yield instant
        start = end


def _is_before(instant: datetime, target: float) -> bool:
    return (elongation(instant) - target) % 360 >= 180


def _between(start: datetime, end: datetime, target: float) -> datetime:
    while end - start > _MINUTE / 4:
        middle = start + (end - start) / 2
        start, end = (middle, end) if _is_before(middle, target) else (start, middle)
    return (end + _MINUTE / 2).replace(second=0, microsecond=0)
