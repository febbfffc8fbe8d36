"""The almanac for sale tells the truth."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from gateway.demo.almanac import draw_almanac
from gateway.demo.moon import FULL, NEW, lit_fraction, phases

# The Astronomical Almanac's instants, UTC.
KNOWN = [
    (NEW, datetime(2024, 4, 8, 18, 21, tzinfo=UTC)),
    (FULL, datetime(2024, 9, 18, 2, 34, tzinfo=UTC)),
    (NEW, datetime(2025, 3, 29, 10, 58, tzinfo=UTC)),
    (FULL, datetime(2025, 3, 14, 6, 55, tzinfo=UTC)),
    (NEW, datetime(2026, 8, 12, 17, 37, tzinfo=UTC)),
    (FULL, datetime(2026, 3, 3, 11, 38, tzinfo=UTC)),
]


@pytest.mark.parametrize(("phase", "instant"), KNOWN, ids=lambda value: str(value)[:10])
def test_new_and_full_moons_are_found_within_five_minutes(phase: float, instant: datetime) -> None:
    assert any(abs(found - instant) < timedelta(minutes=5) for found in phases(instant.year, phase))


@pytest.mark.parametrize("year", [2024, 2027, 2040])
def test_a_year_has_twelve_or_thirteen_of_each(year: int) -> None:
    for phase in (NEW, FULL):
        found = list(phases(year, phase))
        assert len(found) in {12, 13}
        assert all(timedelta(days=29) < b - a < timedelta(days=30) for a, b in pairwise(found))
        assert all(abs(lit_fraction(at) - (phase == FULL)) < 0.001 for at in found)


def test_the_pdf_says_where_its_objects_are() -> None:
    pdf = draw_almanac(2027)
    assert pdf.startswith(b"%PDF-1.4")
    table = int(pdf.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
    entries = pdf[table:].split(b" n \n")[:-1]
    for number, entry in enumerate(entries, start=1):
        offset = int(entry.split()[-2])
        assert pdf[offset:].startswith(b"%d 0 obj" % number)
    assert pdf == draw_almanac(2027)
