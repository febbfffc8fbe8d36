"""What an operator watches, in Prometheus' form. A label names an LND node, never an item, a creator or a reader."""

from collections.abc import Sequence
from math import nan

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.nodes import Member
from gateway.ports import NodeState
from gateway.rows import Invoice

_FAST = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """One registry per gateway."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "tuppence_requests", "Requests by route and status", ["route", "status"], registry=registry
        )
        self.invoices = Counter("tuppence_invoices", "Invoices issued", ["node"], registry=registry)
        self.settled = Counter("tuppence_settled", "Invoices settled", ["node"], registry=registry)
        self.revenue_msat = Counter("tuppence_revenue_msat", "Received and credited, msat", ["node"], registry=registry)
        self.credited_seconds = Histogram(
            "tuppence_credited_seconds", "From the node's word to the commit", buckets=_FAST, registry=registry
        )
        self.waiters = Gauge("tuppence_waiters", "Event streams that wait for a settlement", registry=registry)
        self.node_ready = Gauge("tuppence_node_ready", "Whether the node can be asked", ["node"], registry=registry)
        self.node_drained = Gauge("tuppence_node_drained", "Whether it sells no more", ["node"], registry=registry)
        self.node_inbound_msat = Gauge(
            "tuppence_node_inbound_msat",
            "What its channels can receive, msat; NaN when unknown",
            ["node"],
            registry=registry,
        )

    def watch(self, member: Member) -> None:
        """Tell of a node, from the first scrape on."""
        node, health = member.node_id, member.health
        for counted in (self.invoices, self.settled, self.revenue_msat):
            counted.labels(node)
        self.node_ready.labels(node).set_function(lambda: health.state is NodeState.READY)
        self.node_drained.labels(node).set_function(lambda: member.drained_at is not None)
        self.node_inbound_msat.labels(node).set_function(
            lambda: nan if health.inbound_msat is None else health.inbound_msat
        )

    def observe_settled(self, invoices: Sequence[Invoice], *, credited_seconds: float) -> None:
        """Count what one commit booked."""
        for invoice in invoices:
            self.settled.labels(invoice.node_id).inc()
            self.revenue_msat.labels(invoice.node_id).inc(invoice.paid_msat or 0)
            self.credited_seconds.observe(credited_seconds)
