"""So many per second, minute, hour or day: counts in windows that begin with the first of each."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Self

_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
# Past this many keys, those whose window is over are forgotten.
_MANY = 10_000


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `most` in each window of `seconds`."""

    most: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """A rate as the configuration has it, for example 30/minute."""
        count, _, period = text.partition("/")
        return cls(int(count), _SECONDS[period])


class Windows:
    """Counts by key. A clock that was set back begins a new window."""

    def __init__(self, rate: RateLimit) -> None:
        self._rate = rate
        # In the order in which they began.
        self._windows: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def wait_seconds(self, key: str, now: float, *, part: float = 0.0) -> float:
        """0 if one more fits now, else the time until the window is over; `part` of the rate more fits, or less."""
        left, count = self._window(key, now)
        return left if count >= max(1, self._rate.most + int(self._rate.most * part)) else 0.0

    def counted(self, key: str, now: float) -> int:
        """How many the window holds."""
        return self._window(key, now)[1]

    def count(self, key: str, now: float) -> None:
        """Count one."""
        left, count = self._window(key, now)
        if left:
            self._windows[key] = self._windows[key][0], count + 1
        else:
            self._windows.pop(key, None)
            self._forget(now)
            self._windows[key] = now, 1

    def give_back(self, key: str, now: float) -> None:
        """What was counted in this window does not count after all."""
        _, count = self._window(key, now)
        if count:
            self._windows[key] = self._windows[key][0], count - 1

    def _window(self, key: str, now: float) -> tuple[float, int]:
        """The seconds that are left of a window, and its count; nothing of one that is over."""
        began_at, count = self._windows.get(key, (now - self._rate.seconds, 0))
        passed = now - began_at
        return (self._rate.seconds - passed, count) if 0 <= passed < self._rate.seconds else (0.0, 0)

    def _forget(self, now: float) -> None:
        # Each window is looked at once when it is over, however many keys there are.
        while len(self._windows) >= _MANY:
            if self._window(next(iter(self._windows)), now)[0]:
                return
            self._windows.popitem(last=False)
