"""A clock on which replicas agree: this machine's, or the database's if the two differ.

The time decides whether paid access has ended and whether an invoice can still be paid.
"""

import structlog

from gateway.ports.clock import Clock
from gateway.ports.store import Store

TOLERATED_SECONDS = 60.0
# An answer that took longer does not tell the database's time precisely enough.
LONGEST_ANSWER_SECONDS = 5.0

log = structlog.get_logger()


class ReplicaClock:
    """Satisfies `ports.clock.Clock`. `system` is this machine's clock, `steady` a monotonic one."""

    def __init__(self, own: Clock, store: Store, *, system: Clock, steady: Clock) -> None:
        self._own, self._store, self._system, self._steady = own, store, system, steady
        self._ahead_seconds = 0.0
        self._database_minus_steady: float | None = None

    def __call__(self) -> float:
        if self._database_minus_steady is None:
            return self._own()
        return self._database_minus_steady + self._steady()

    @property
    def wrong(self) -> str:
        """The fault, for the operator; empty while the clocks agree."""
        if self._database_minus_steady is None:
            return ""
        which = "ahead of" if self._ahead_seconds > 0 else "behind"
        return f"this machine's clock is {abs(self._ahead_seconds):.0f} s {which} the database's: set both by NTP"

    async def compare(self) -> None:
        """Compare this machine's clock with the database's. Raises `Unavailable`."""
        began_at, began = self._system(), self._steady()
        database = await self._store.read(lambda tx: tx.leases.now_ms()) / 1_000
        ended = self._steady()
        if ended - began > LONGEST_ANSWER_SECONDS:
            return
        was_wrong = self.wrong
        middle = (began + ended) / 2
        self._ahead_seconds = began_at + (middle - began) - database
        is_off = abs(self._ahead_seconds) > TOLERATED_SECONDS
        self._database_minus_steady = database - middle if is_off else None
        if bool(self.wrong) != bool(was_wrong):
            log.warning("clock_compared", ahead_seconds=round(self._ahead_seconds), wrong=self.wrong)
