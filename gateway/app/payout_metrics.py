"""Prometheus metrics of payouts: what has not ended, as the database has it, and what this process saw paid."""

from functools import partial
from math import nan

from prometheus_client import CollectorRegistry, Counter, Gauge

from gateway.rows.payouts import UNENDED, Try, UnderWay


class PayoutMetrics:
    """The metrics of payouts and refunds, in the registry of a gateway."""

    def __init__(self, registry: CollectorRegistry) -> None:
        counter, gauge = partial(Counter, registry=registry), partial(Gauge, registry=registry)
        self._unended = gauge("tuppence_payouts", "Payouts that have not ended", ["state"])
        self._overdue = gauge(
            "tuppence_payouts_overdue", "Tries whose invoice has expired, and whose node does not say how they ended"
        )
        self._oldest_seconds = gauge("tuppence_payout_oldest_seconds", "Age of the oldest open try; 0 without one")
        self._reserved_msat = gauge(
            "tuppence_payouts_reserved_msat", "Amounts and fee limits of open tries: what is on its way, msat"
        )
        self._paused_seconds = gauge("tuppence_payouts_paused_seconds", "How long payouts are paused; else 0")
        self._paid = counter("tuppence_paid_out", "Payouts that the node paid", ["node"])
        self._paid_msat = counter("tuppence_paid_out_msat", "Paid to payees, msat", ["node"])
        self._fees_msat = counter("tuppence_payout_fees_msat", "Fees of payouts, msat", ["node"])

    def watch(self, node_id: str) -> None:
        """Report a node from the first scrape on."""
        for counted in (self._paid, self._paid_msat, self._fees_msat):
            counted.labels(node_id)

    def show(self, found: UnderWay, *, paused_at: int | None, now: int) -> None:
        """Set what is read from the database."""
        for state in UNENDED:
            self._unended.labels(state.value).set(found.payouts.get(state, 0))
        self._overdue.set(found.overdue)
        self._oldest_seconds.set(_age(found.oldest_at, now=now))
        self._reserved_msat.set(found.reserved_msat)
        self._paused_seconds.set(_age(paused_at, now=now))

    def hide(self) -> None:
        """Leave out what is read from the database, which does not answer."""
        self._unended.clear()
        for gauge in (self._overdue, self._oldest_seconds, self._reserved_msat, self._paused_seconds):
            gauge.set(nan)

    def observe_paid(self, try_: Try) -> None:
        """Count a try that its node paid."""
        node_id = try_.node_id or ""
        self._paid.labels(node_id).inc()
        self._paid_msat.labels(node_id).inc(try_.amount_msat)
        self._fees_msat.labels(node_id).inc(try_.fee_msat or 0)


def _age(since: int | None, *, now: int) -> int:
    return 0 if since is None else max(0, now - since)
