"""Rate windows: a window never exceeds its limit, and the next one allows as many again."""

from collections import OrderedDict
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.limits.rate_windows import RateLimit, RateWindows

RATE = RateLimit(most=3, seconds=60)


def test_a_rate_reads_as_the_configuration_has_it() -> None:
    assert [RateLimit.parse(text) for text in ("5/second", "30/minute", "1/hour", "9/day")] == [
        RateLimit(5, 1),
        RateLimit(30, 60),
        RateLimit(1, 3_600),
        RateLimit(9, 86_400),
    ]


@given(st.lists(st.floats(min_value=0, max_value=50), max_size=40))
def test_no_span_of_a_window_lets_in_more_than_two_windows_hold(gaps: list[float]) -> None:
    counts, now, allowed = RateWindows(RATE), 1_000.0, []
    for gap in gaps:
        now += gap
        if not counts.wait_seconds("key", now):
            counts.count("key", now)
            allowed.append(now)
    # Less than a window's time touches two windows at most.
    for first, one_too_many in zip(allowed, allowed[2 * RATE.most :], strict=False):
        assert one_too_many - first >= RATE.seconds - 1e-6


@given(st.floats(min_value=0, max_value=59.9))
def test_a_request_after_the_told_wait_is_allowed(gap: float) -> None:
    counts, now = RateWindows(RATE), 1_000.0
    for _ in range(RATE.most):
        counts.count("key", now)
    wait_seconds = counts.wait_seconds("key", now + gap)
    assert wait_seconds > 0
    assert counts.wait_seconds("key", now + gap + wait_seconds + 1e-6) == 0


def test_keys_are_counted_apart() -> None:
    counts = RateWindows(RATE)
    for _ in range(RATE.most):
        counts.count("one", 0.0)
    assert counts.wait_seconds("one", 1.0)
    assert not counts.wait_seconds("other", 1.0)


def test_a_clock_that_is_set_back_refuses_nobody() -> None:
    counts = RateWindows(RATE)
    for _ in range(RATE.most):
        counts.count("key", 1_000_000.0)
    assert not counts.wait_seconds("key", 0.0)


def test_windows_that_are_over_are_forgotten() -> None:
    counts = RateWindows(RATE, many_keys=10)
    for n in range(1_000):
        counts.count(str(n), n * 10.0)
    assert len(counts._windows) <= 10


def test_what_a_new_key_costs_does_not_grow_with_the_keys() -> None:
    counts, looked = RateWindows(RATE), 0

    class Looked(OrderedDict[str, tuple[float, int]]):
        def get(self, *asked: Any) -> Any:
            nonlocal looked
            looked += 1
            return super().get(*asked)

    counts._windows = Looked()
    for n in range(40_000):
        counts.count(str(n), n / 1_000)
    assert looked < 3 * 40_000


def test_what_is_given_back_counts_no_more() -> None:
    counts = RateWindows(RATE)
    counts.give_back("key", 0.0)
    for _ in range(10):
        counts.count("key", 0.0)
        counts.give_back("key", 1.0)
    assert counts.counted("key", 2.0) == 0
    counts.give_back("key", 100.0)
    assert counts.counted("key", 100.0) == 0
