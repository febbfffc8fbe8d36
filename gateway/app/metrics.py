"""Prometheus metrics. Labels name LND nodes, never an item, a creator or a reader."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from math import nan

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from gateway.app.payout_metrics import PayoutMetrics
from gateway.config import Config
from gateway.errors import Unavailable
from gateway.events.feed import Feed
from gateway.money import from_sat
from gateway.nodes.pool import ServingNode
from gateway.payouts.follow_up import AFTER_EXPIRY_SECONDS
from gateway.ports.node import NodeState
from gateway.ports.store import Store, Tx
from gateway.rows import Invoice
from gateway.rows.payouts import UnderWay
from gateway.settlement.sweep import Sweeper
from gateway.supervise import Progress

_FAST = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
# LND dates a settlement in whole seconds; a settlement while the gateway was away is credited much later.
_SLOW = (1, 2, 5, 10, 30, 60, 120, 300, 900, 3_600, 21_600)
# A scrape that waited longer could exceed Prometheus' timeout.
DATABASE_SECONDS = 2.0


class Metrics:
    """The metrics of one gateway, with a registry of their own."""

    def __init__(self, config: Config) -> None:
        self.registry = registry = CollectorRegistry()
        counter, gauge = partial(Counter, registry=registry), partial(Gauge, registry=registry)
        histogram = partial(Histogram, registry=registry)
        self.requests = counter("tuppence_requests", "Requests by route and status", ["route", "status"])
        self.requests_of = cache(self.requests.labels)
        self.invoices = counter("tuppence_invoices", "Invoices issued", ["node"])
        self._invoices_of = cache(self.invoices.labels)
        self.unread_clients = counter(
            "tuppence_unread_clients", "Requests whose trusted proxy did not give a readable client address"
        )
        self._unread_clients = 0
        self.settled = counter("tuppence_settled", "Invoices settled", ["node"])
        self.revenue_msat = counter("tuppence_revenue_msat", "Received and credited, msat", ["node"])
        self.credited_seconds = histogram(
            "tuppence_credited_seconds", "From the node's report to the commit", buckets=_FAST
        )
        self.settled_to_credited_seconds = histogram(
            "tuppence_settled_to_credited_seconds", "From the settlement at the node to the commit", buckets=_SLOW
        )
        self.waiters = gauge("tuppence_waiters", "Event streams that wait for a settlement")
        self.node_ready = gauge("tuppence_node_ready", "Whether the node can be asked", ["node"])
        self.node_drained = gauge("tuppence_node_drained", "Whether the node is drained", ["node"])
        self.node_inbound_msat = gauge(
            "tuppence_node_inbound_msat", "What its channels can receive, msat; NaN if unknown", ["node"]
        )
        self.node_seconds = histogram(
            "tuppence_node_seconds", "Time that the node took to answer", ["node", "call"], buckets=_FAST
        )
        self._node_seconds_of = cache(self.node_seconds.labels)
        self.node_refusals = counter("tuppence_node_refusals", "Refusals of the node", ["node", "call", "code"])
        self.database_seconds = histogram(
            "tuppence_database_seconds", "Time that the database took", ["work"], buckets=_FAST
        )
        self._database_seconds_of = cache(self.database_seconds.labels)
        self.database_refusals = counter("tuppence_database_refusals", "Refusals of the database", ["work", "code"])
        self.stream_age_seconds = gauge(
            "tuppence_stream_age_seconds",
            "Age of the stream by which this process follows the node; 0 without one",
            ["node"],
        )
        self.event_backlog = gauge(
            "tuppence_event_backlog", "Booked settlements that this process has not announced yet"
        )
        self.open_invoices = gauge("tuppence_open_invoices", "Invoices that are neither settled nor canceled", ["node"])
        self.work_failures = gauge("tuppence_work_failures", "Failures in a row of background work", ["work"])
        self._nodes: list[str] = []
        self._finds = _SweepFinds(registry)
        self._feed: Feed | None = None
        self.payouts = PayoutMetrics(registry)
        limits = gauge("tuppence_limit", "The configured limit", ["what"])
        limits.labels("open_invoices").set(config.open_invoices)
        limits.labels("waiters").set(config.waiters)
        limits.labels("payout_day_msat").set(from_sat(config.payout_day_sat))

    def watch(self, serving: ServingNode) -> None:
        """Report a node from the first scrape on."""
        node, health = serving.node_id, serving.health
        self._nodes.append(node)
        for counted in (self.invoices, self.settled, self.revenue_msat, self.open_invoices, self.stream_age_seconds):
            counted.labels(node)
        self.payouts.watch(node)
        self.node_ready.labels(node).set_function(lambda: health.state is NodeState.READY)
        self.node_drained.labels(node).set_function(lambda: serving.drained_at is not None)
        self.node_inbound_msat.labels(node).set_function(
            lambda: nan if health.inbound_msat is None else health.inbound_msat
        )

    def watch_settling(self, node_id: str, sweeper: Sweeper) -> None:
        """Report the stream and the sweeps of a node."""
        self.stream_age_seconds.labels(node_id).set_function(sweeper.stream_age_seconds)
        self._finds.sweepers[node_id] = sweeper

    def watch_feed(self, feed: Feed) -> None:
        """Report how far this process lags behind the settlements of all replicas."""
        self._feed = feed

    def watch_work(self, name: str, progress: Progress) -> None:
        """Report the failures of background work."""
        self.work_failures.labels(name).set_function(lambda: progress.failures if progress.last_error else 0)

    async def read_rows(self, store: Store, *, now: int) -> None:
        """Set the gauges that are read from the database; without values if it does not answer soon."""
        try:
            async with asyncio.timeout(DATABASE_SECONDS):
                rows = await store.read(partial(_read, now=now))
        except (Unavailable, TimeoutError):
            self.event_backlog.set(nan)
            self.open_invoices.clear()
            self.payouts.hide()
            return
        for node in {*self._nodes, *rows.open_invoices}:
            self.open_invoices.labels(node).set(rows.open_invoices.get(node, 0))
        announced = rows.last_position if self._feed is None else self._feed.position
        self.event_backlog.set(max(0, rows.last_position - announced))
        self.payouts.show(rows.payouts, paused_at=rows.paused_at, now=now)

    def observe_issued(self, invoice: Invoice) -> None:
        """Count an invoice that a node issued."""
        self._invoices_of(invoice.node_id).inc()

    def count_unread_client(self) -> int:
        """Count a request whose client address could not be read; returns how many there were in this process."""
        self.unread_clients.inc()
        self._unread_clients += 1
        return self._unread_clients

    def observe_settled(self, invoices: Sequence[Invoice], *, arrived_at: float, now: float) -> None:
        """Count the settlements of one commit."""
        for invoice in invoices:
            self.settled.labels(invoice.node_id).inc()
            self.revenue_msat.labels(invoice.node_id).inc(invoice.paid_msat or 0)
            self.credited_seconds.observe(max(0.0, now - arrived_at))
            self.settled_to_credited_seconds.observe(max(0.0, now - (invoice.settled_at or now)))

    def database_took(self, work: str, seconds: float) -> None:
        """Observe a transaction (`read` or `write`)."""
        self._database_seconds_of(work).observe(seconds)

    def database_refused(self, work: str, code: str) -> None:
        """Count a refused transaction."""
        self.database_refusals.labels(work, code).inc()

    def node_took(self, node: str, call: str, seconds: float) -> None:
        """Observe a call of a node."""
        self._node_seconds_of(node, call).observe(seconds)

    def node_refused(self, node: str, call: str, code: str) -> None:
        """Count a call that was refused, or not answered."""
        self.node_refusals.labels(node, call, code).inc()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """What one scrape reads from the database: only of what has not ended, so that it does not grow with the books."""

    open_invoices: Mapping[str, int]
    last_position: int
    payouts: UnderWay
    paused_at: int | None


def _read(tx: Tx, *, now: int) -> _Rows:
    pause = tx.payout_pauses.current()
    return _Rows(
        open_invoices=tx.invoices.count_open(),
        last_position=tx.events.last_position(),
        payouts=tx.payouts.under_way(expired_until=now - AFTER_EXPIRY_SECONDS),
        paused_at=None if pause is None else pause[1],
    )


class _SweepFinds(Collector):
    """Collects the counts that the sweepers keep."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.sweepers: dict[str, Sweeper] = {}
        registry.register(self)

    def collect(self) -> Iterator[CounterMetricFamily]:
        found = "Settlements that a sweep found before the stream reported them"
        family = CounterMetricFamily("tuppence_sweep_found", found, labels=["node"])
        for node, sweeper in self.sweepers.items():
            family.add_metric([node], sweeper.found)
        yield family
