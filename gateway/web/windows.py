"""So many per second, minute, hour or day: counts in windows that begin with the first of each."""

from dataclasses import dataclass
from typing import Self

_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
# Past this many keys, those whose window is over are looked for at every new one.
_MANY = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
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

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._windows: dict[str, tuple[float, int]] = {}

    def wait_seconds(self, key: str, now: float) -> float:
        """0 if one more fits now, else the time until the window is over."""
        left, count = self._window(key, now)
        return left if count >= self._rate.most else 0.0

    def count(self, key: str, now: float) -> None:
        """Count one."""
        left, count = self._window(key, now)
        if left:
            self._windows[key] = self._windows[key][0], count + 1
        else:
            self._forget(now)
            self._windows[key] = now, 1

    def _window(self, key: str, now: float) -> tuple[float, int]:
        """The seconds that are left of a window, and its count; nothing of one that is over."""
        began_at, count = self._windows.get(key, (now - self._rate.seconds, 0))
        passed = now - began_at
        return (self._rate.seconds - passed, count) if 0 <= passed < self._rate.seconds else (0.0, 0)

    def _forget(self, now: float) -> None:
        if len(self._windows) >= _MANY:
            self._windows = {key: window for key, window in self._windows.items() if self._window(key, now)[0]}
