"""The health of a node, from its recent answers; it decides which of several nodes is asked first.

Instants and durations are seconds of a monotonic clock.
"""

from gateway.ports.node import NodeState

SET_ASIDE_SECONDS = 5.0
SLOW_SECONDS, SLOW_FACTOR = 0.1, 4.0
FORGET_AFTER_SECONDS = 30.0
_NEWEST_WEIGHT = 0.2

Rank = tuple[bool, bool, bool, int, int]


class Health:
    """The health of one node. It counts as ready, and able to receive any amount, until it was asked."""

    def __init__(self) -> None:
        self.state = NodeState.READY
        self.inbound_msat: int | None = None
        self._latency_seconds = 0.0
        self._answered_at: float | None = None
        self._failed_at: float | None = None
        self._under_way = 0
        self._turn = 0

    def asked(self, turn: int) -> None:
        """Note that an invoice is being asked for; `turn` counts the requests to all nodes."""
        self._turn = turn
        self._under_way += 1

    def ended(self) -> None:
        """Note that a request noted by `asked` has ended, with or without an invoice."""
        self._under_way -= 1

    def answered(self, now: float, *, seconds: float) -> None:
        """Note an invoice that took so long."""
        before = self.latency_seconds(now)
        self._latency_seconds = seconds if before is None else before + _NEWEST_WEIGHT * (seconds - before)
        self._answered_at, self._failed_at = now, None

    def failed(self, now: float) -> None:
        """Note a failure: for a while the other nodes are asked first."""
        self._failed_at = now

    def latency_seconds(self, now: float) -> float | None:
        """A moving average; None after half a minute without an answer, so that a slow node is tried again."""
        if self._answered_at is None or now - self._answered_at >= FORGET_AFTER_SECONDS:
            return None
        return self._latency_seconds

    def has_room(self, amount_msat: int) -> bool:
        """Whether its channels can receive the amount, as far as is known."""
        return self.inbound_msat is None or self.inbound_msat >= amount_msat

    def rank(self, now: float, *, amount_msat: int, quickest_seconds: float) -> Rank:
        """Sort key, smallest first: able, with room for the payment, not slow, least busy, least recently asked."""
        failed = self._failed_at is not None and now - self._failed_at < SET_ASIDE_SECONDS
        full = not self.has_room(amount_msat)
        slow = (self.latency_seconds(now) or 0.0) > max(SLOW_SECONDS, SLOW_FACTOR * quickest_seconds)
        return failed or self.state is not NodeState.READY, full, slow, self._under_way, self._turn
