"""Fixed-window rate limiting; a key's window starts with its first request."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Self

_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `most` in each window of `seconds`."""

    most: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a rate as the configuration writes it, for example 30/minute."""
        count, _, period = text.partition("/")
        return cls(int(count), _SECONDS[period])


class RateWindows:
    """Counts by key. If the clock is set back, a new window begins.

    From `many_keys` on, the keys whose window has ended are removed.
    """

    def __init__(self, limit: RateLimit, *, many_keys: int = 10_000) -> None:
        self._limit, self._many_keys = limit, many_keys
        # In the order in which they began.
        self._windows: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def wait_seconds(self, key: str, now: float, *, extra: float = 0.0) -> float:
        """0 if one more is allowed now, else the seconds until the window ends.

        `extra` is a part of the limit that is allowed besides it, or, negative, is not allowed.
        """
        left, count = self._window(key, now)
        return left if count >= max(1, self._limit.most + int(self._limit.most * extra)) else 0.0

    def counted(self, key: str, now: float) -> int:
        """The number that the key's window has counted."""
        return self._window(key, now)[1]

    def count(self, key: str, now: float) -> None:
        """Count one."""
        left, count = self._window(key, now)
        if left:
            self._windows[key] = self._windows[key][0], count + 1
        else:
            self._windows.pop(key, None)
            self._remove_ended(now)
            self._windows[key] = now, 1

    def give_back(self, key: str, now: float) -> None:
        """Count one less, if its window has not ended."""
        _, count = self._window(key, now)
        if count:
            self._windows[key] = self._windows[key][0], count - 1

    def _window(self, key: str, now: float) -> tuple[float, int]:
        """The seconds until the key's window ends, and its count; 0 and 0 if it has ended."""
        began_at, count = self._windows.get(key, (now - self._limit.seconds, 0))
        passed = now - began_at
        return (self._limit.seconds - passed, count) if 0 <= passed < self._limit.seconds else (0.0, 0)

    def _remove_ended(self, now: float) -> None:
        # Each window is visited once after its end, however many keys there are.
        while len(self._windows) >= self._many_keys:
            if self._window(next(iter(self._windows)), now)[0]:
                return
            self._windows.popitem(last=False)
