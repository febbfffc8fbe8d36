"""What an operator watches, in Prometheus' form. No label carries an item, a creator or a reader."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.rows import Invoice

_FAST = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """One registry per gateway."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "tuppence_requests", "Requests by route and status", ["route", "status"], registry=registry
        )
        self.invoices = Counter("tuppence_invoices", "Invoices issued", registry=registry)
        self.settled = Counter("tuppence_settled", "Invoices settled", registry=registry)
        self.revenue_msat = Counter("tuppence_revenue_msat", "Received and credited, msat", registry=registry)
        self.credited_seconds = Histogram(
            "tuppence_credited_seconds", "From the node's word to the commit", buckets=_FAST, registry=registry
        )
        self.waiters = Gauge("tuppence_waiters", "Event streams that wait for a settlement", registry=registry)

    def observe_settled(self, invoices: Sequence[Invoice], *, credited_seconds: float) -> None:
        """Count what one commit booked."""
        self.settled.inc(len(invoices))
        self.revenue_msat.inc(sum(invoice.paid_msat or 0 for invoice in invoices))
        for _ in invoices:
            self.credited_seconds.observe(credited_seconds)
