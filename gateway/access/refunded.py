"""The payments that were refunded: what they bought is closed, also where a token alone would open it."""

from gateway.errors import PaymentRequired
from gateway.ports.clock import Clock
from gateway.ports.store import Store

CLOCKS_DIFFER_SECONDS = 300
"""Replicas date refunds by their own clocks, so what is newer than this is read again."""


class RefundedPayments:
    """The payment hashes of refunds, as of the last `refresh`; every replica reads them each second."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._hashes: set[str] = set()
        self._since = 0

    async def refresh(self) -> None:
        """Read those that are new. Raises `Unavailable`."""
        since, now = self._since, int(self._clock())
        self._hashes.update(await self._store.read(lambda tx: tx.refunds.refunded_since(since)))
        self._since = now - CLOCKS_DIFFER_SECONDS

    def __contains__(self, payment_hash: str) -> bool:
        return payment_hash in self._hashes

    def check(self, payment_hash: str) -> None:
        """Raise `PaymentRequired` (`payment_refunded`) for a payment that was refunded."""
        if payment_hash in self._hashes:
            raise payment_refunded()


def payment_refunded() -> PaymentRequired:
    """The refusal of a token whose payment was refunded."""
    return PaymentRequired("payment_refunded", "This payment was refunded: its receipt shows how to get it back.")
