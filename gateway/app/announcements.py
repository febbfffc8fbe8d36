"""Acts on announcements: wakes waiters, forgets challenges, releases limits, counts, notifies replicas."""

from collections.abc import Callable, Sequence

from gateway.app.metrics import Metrics
from gateway.events.hub import Hub
from gateway.limits.limits import Limits
from gateway.ports.announcer import Announcer
from gateway.ports.clock import Clock
from gateway.rows import Invoice
from gateway.rows.payouts import Try
from gateway.sales.challenges import Challenges


class Announcements:
    """Satisfies `ports.announcer.Announcer`.

    `notify_replicas` is called once for each settling commit. `others` receive every announcement too.
    """

    def __init__(
        self,
        hub: Hub,
        challenges: Challenges,
        limits: Limits,
        metrics: Metrics,
        clock: Clock,
        *,
        notify_replicas: Callable[[], None],
        others: Sequence[Announcer] = (),
    ) -> None:
        self._hub, self._challenges, self._limits, self._metrics = hub, challenges, limits, metrics
        self._clock, self._notify_replicas, self._others = clock, notify_replicas, others

    def issued(self, invoice: Invoice) -> None:
        self._metrics.observe_issued(invoice)
        for other in self._others:
            other.issued(invoice)

    def settled(self, invoices: Sequence[Invoice], *, arrived_at: float) -> None:
        for invoice in invoices:
            self._end(invoice.payment_hash)
        self._notify_replicas()
        self._metrics.observe_settled(invoices, arrived_at=arrived_at, now=self._clock())
        for other in self._others:
            other.settled(invoices, arrived_at=arrived_at)

    def settled_elsewhere(self, payment_hash: str) -> None:
        self._end(payment_hash)
        for other in self._others:
            other.settled_elsewhere(payment_hash)

    def canceled(self, payment_hash: str) -> None:
        self._end(payment_hash)
        for other in self._others:
            other.canceled(payment_hash)

    def paid_out(self, try_: Try) -> None:
        self._metrics.payouts.observe_paid(try_)
        for other in self._others:
            other.paid_out(try_)

    def _end(self, payment_hash: str) -> None:
        """An open invoice has become final."""
        self._hub.wake(payment_hash)
        self._challenges.forget(payment_hash)
        self._limits.release(payment_hash)
