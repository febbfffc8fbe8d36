"""The results of one part of the torture: the figures of the JSON line."""

from dataclasses import asdict, dataclass, fields


class Failed(Exception):
    """The gateway broke a promise; the message says which and how to see it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Counts add up over the parts; of delays the longest counts."""

    payments: int = 0
    kills: int = 0
    resets: int = 0
    replays: int = 0
    restarts: int = 0
    takeovers: int = 0
    days: int = 0
    payouts: int = 0
    lost: int = 0
    double: int = 0
    paid_twice: int = 0
    """Payouts paid more than once."""
    released_wrongly: int = 0
    """Tries whose money was given back although the node has paid them."""
    drift_msat: int = 0
    longest_delay_seconds: float = 0.0
    broken: tuple[str, ...] = ()
    """Other failures, in words, each with the command that repeats it."""
    slow: tuple[str, ...] = ()
    """Measurements above their limit, in words."""
    notes: tuple[str, ...] = ()
    """Other remarks, in words."""

    def __add__(self, other: "Tally") -> "Tally":
        sums = {f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        longest = max(self.longest_delay_seconds, other.longest_delay_seconds)
        return Tally(**sums | {"longest_delay_seconds": longest})

    def line(self) -> dict[str, float]:
        """For JSON."""
        line = asdict(self) | {"longest_delay_seconds": round(self.longest_delay_seconds, 2)}
        return {name: value for name, value in line.items() if not isinstance(value, tuple)}

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost, booked or paid twice, adrift or otherwise broken, whatever it took."""
        return not (any(self.losses.values()) or self.broken)

    @property
    def losses(self) -> dict[str, int]:
        """The counts that have to be 0, in words."""
        return {
            "lost": self.lost,
            "double": self.double,
            "paid twice": self.paid_twice,
            "released wrongly": self.released_wrongly,
            "msat adrift": self.drift_msat,
        }


def slower(what: str, seconds: float, allowed_seconds: float) -> tuple[str, ...]:
    """For `Tally.slow`: a sentence if it took longer than it may."""
    if seconds <= allowed_seconds:
        return ()
    return (f"{what}: {seconds:.2f} s, where {allowed_seconds:.2f} s are allowed",)
