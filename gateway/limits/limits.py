"""Limits per client key, per item and overall.

Each process counts by itself: several replicas together allow as many times more.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from math import ceil
from typing import NamedTuple

from gateway.errors import NotFound, TooMany
from gateway.limits.rate_windows import RateLimit, RateWindows
from gateway.ports.clock import Clock
from gateway.rows import Unresolved

# At this rate a code of 60 bits cannot be guessed, and nobody types faster who reads one off a receipt.
TRIES_PER_CLIENT, TRIES_OVERALL = RateLimit(5, 60), RateLimit(10, 1)
# A client that mistypes a code so often is not refused because of others' guesses.
TRIES_APART = 2
# What is claimed and refused may have asked nodes, and costs its payer nothing.
CLAIMS_PER_REFUND = RateLimit(5, 60)
_LONGEST_WAIT_SECONDS = 86_400
_FEW = 64
_UNKNOWN_CLIENT = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLimits:
    """The most invoices that may be asked for. Rates count new ones, `open_invoices` those that are unpaid."""

    invoices_per_client: RateLimit
    invoices_per_item: RateLimit
    invoices_overall: RateLimit
    open_invoices_per_client: int
    open_invoices: int
    invoice_expiry_seconds: int


class _Open(NamedTuple):
    client_key: str
    foreign_origin: str
    expires_at: float


class Limits:
    """Counts what clients ask for. A refused request is not counted.

    `foreign_origin` is the origin of a page of another site that asks through its visitor's browser, or "". Such pages
    get a part of the client's share, so that none uses up the share of its visitor's network. A client without an
    unpaid invoice may use half as much again of the shared limits: to exhaust that, an attacker needs one network for
    each invoice.
    """

    def __init__(self, limits: InvoiceLimits, clock: Clock, *, open_invoices: Iterable[Unresolved]) -> None:
        self._limits, self._clock = limits, clock
        self._per_client = RateWindows(limits.invoices_per_client)
        self._per_item = RateWindows(limits.invoices_per_item)
        self._overall = RateWindows(limits.invoices_overall)
        self._tries_per_client, self._tries_overall = RateWindows(TRIES_PER_CLIENT), RateWindows(TRIES_OVERALL)
        self._claims = RateWindows(CLAIMS_PER_REFUND)
        # Open invoices by payment hash, or by a number while they are being issued; and the same by client.
        self._open: dict[str, _Open] = {}
        self._open_of: dict[str, set[str]] = {}
        # A heap by expiry. It may still contain what was released.
        self._due: list[tuple[float, str]] = []
        self._reserved = 0
        for invoice in open_invoices:
            self._count(invoice.payment_hash, _Open(_UNKNOWN_CLIENT, "", invoice.expires_at))

    @contextmanager
    def reserve(self, client_key: str, subject: str, foreign_origin: str = "") -> Iterator["Reservation"]:
        """Count one new invoice of a subject (an item or a tip page), until the end of the block unless it was issued.

        Raises `TooMany`, which says when to come back.
        """
        reservation = Reservation(self, self._take(client_key, subject, foreign_origin))
        try:
            yield reservation
        finally:
            self.release(reservation.number)

    @contextmanager
    def recovery(self, client_key: str, foreign_origin: str = "") -> Iterator[None]:
        """Count one recovery code that a client tries; for good only if the block raises `NotFound`.

        Raises `TooMany`. The overall limit holds only for clients that have failed before, so that
        guesses of others do not stop the owner of a code.
        """
        now = self._clock()
        counts = [(self._tries_per_client, client_key, -0.5 if foreign_origin else 0.0)]
        if self._tries_per_client.counted(client_key, now) >= TRIES_APART:
            counts.append((self._tries_overall, "all", 0.0))
        _count_all(counts, now, "too_many_tries", "Recovery codes are tried too fast.")
        is_unknown = False
        try:
            yield
        except NotFound:
            is_unknown = True
            raise
        finally:
            if not is_unknown:
                for windows, key, _ in counts:
                    windows.give_back(key, self._clock())

    @contextmanager
    def refund_claim(self, payment_hash: str) -> Iterator[None]:
        """Count one claim of a payment's refund; for good unless the block ends. Raises `TooMany`."""
        counts = [(self._claims, payment_hash, 0.0)]
        _count_all(counts, self._clock(), "too_many_claims", "This refund is claimed too fast.")
        yield
        self._claims.give_back(payment_hash, self._clock())

    def issued(self, number: str, payment_hash: str) -> None:
        """Count the invoice of a reservation until it is released or expires."""
        if number in self._open:
            invoice = self._open[number]
            self.release(number)
            self._count(payment_hash, invoice)

    def release(self, payment_hash: str) -> None:
        """Stop counting an invoice: it is no longer open, or was never issued."""
        invoice = self._open.pop(payment_hash, None)
        if invoice is None:
            return
        mine = self._open_of[invoice.client_key]
        mine.discard(payment_hash)
        if not mine:
            del self._open_of[invoice.client_key]

    def _take(self, client_key: str, subject: str, foreign_origin: str) -> str:
        now = self._clock()
        self._release_expired(now)
        self._check_open(client_key, foreign_origin, now)
        extra = 0.5 if client_key not in self._open_of else 0.0
        _count_all(
            (
                (self._per_client, client_key, -0.25 if foreign_origin else 0.0),
                (self._per_item, subject, extra),
                (self._overall, "all", extra),
            ),
            now,
            "too_many_invoices",
            "Invoices are asked for too fast.",
        )
        self._reserved += 1
        number = str(self._reserved)
        self._count(number, _Open(client_key, foreign_origin, now + self._limits.invoice_expiry_seconds))
        return number

    def _check_open(self, client_key: str, foreign_origin: str, now: float) -> None:
        mine = self._open_of.get(client_key, set())
        most, most_overall = self._limits.open_invoices_per_client, self._limits.open_invoices
        foreign = {name for name in mine if self._open[name].foreign_origin} if foreign_origin else set()
        same = {name for name in foreign if self._open[name].foreign_origin == foreign_origin}
        for counted, allowed in ((mine, most), (foreign, max(1, most * 3 // 4)), (same, max(1, most // 4))):
            if len(counted) >= allowed:
                oldest = min(self._open[name].expires_at for name in counted)
                raise _too_many("too_many_open_invoices", "Too many of your invoices are unpaid.", oldest - now)
        # Where one client may have all of them, nothing is reserved for others.
        extra = most_overall // 2 if not mine and most_overall > most else 0
        if len(self._open) >= most_overall + extra:
            raise _too_many("too_many_open_invoices", "Too many invoices are unpaid here.", self._due[0][0] - now)

    def _count(self, name: str, invoice: _Open) -> None:
        self._open[name] = invoice
        self._open_of.setdefault(invoice.client_key, set()).add(name)
        heappush(self._due, (invoice.expires_at, name))

    def _release_expired(self, now: float) -> None:
        while self._due and (self._due[0][0] <= now or self._due[0][1] not in self._open):
            self.release(heappop(self._due)[1])
        if len(self._due) > 2 * len(self._open) + _FEW:
            self._due = [(invoice.expires_at, name) for name, invoice in self._open.items()]
            heapify(self._due)


class Reservation:
    """One new invoice that a client asks for, counted before the node is asked."""

    def __init__(self, limits: Limits, number: str) -> None:
        self._limits, self.number = limits, number

    def issued(self, payment_hash: str) -> None:
        """Count the invoice until it is released or expires."""
        self._limits.issued(self.number, payment_hash)


def _count_all(counts: Iterable[tuple[RateWindows, str, float]], now: float, code: str, what: str) -> None:
    if wait_seconds := max(windows.wait_seconds(key, now, extra=extra) for windows, key, extra in counts):
        raise _too_many(code, what, wait_seconds)
    for windows, key, _ in counts:
        windows.count(key, now)


def _too_many(code: str, what: str, seconds: float) -> TooMany:
    wait_seconds = max(1, min(_LONGEST_WAIT_SECONDS, ceil(seconds)))
    return TooMany(code, f"{what} Come back in {wait_seconds} s.", retry_after_seconds=wait_seconds)
