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
from gateway.limits.rate_windows import RateLimit, Windows
from gateway.ports.clock import Clock
from gateway.rows import Unresolved

# Guessing a code of 60 bits: hopeless at this pace, and nobody who reads one off a receipt types faster.
TRIES_PER_CLIENT, TRIES_OVERALL = RateLimit(5, 60), RateLimit(10, 1)
# Who mistypes a code so often is not kept out by others who guess.
TRIES_APART = 2
_DAY_SECONDS = 86_400
_FEW = 64
_NOBODY = ""


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
    page: str
    expires_at: float


class Limits:
    """Counts what clients ask for; refusing consumes nothing.

    `page` is the origin of a foreign page for which a client's browser asks: such pages get a part of the client's
    share, so that none closes its visitor's network. A client without an unpaid invoice finds half as much again of
    what all share: whoever uses up the rest needs one network for each invoice of that.
    """

    def __init__(self, limits: InvoiceLimits, clock: Clock, *, open_invoices: Iterable[Unresolved]) -> None:
        self._limits, self._clock = limits, clock
        self._per_client = Windows(limits.invoices_per_client)
        self._per_item = Windows(limits.invoices_per_item)
        self._overall = Windows(limits.invoices_overall)
        self._tries_per_client, self._tries_overall = Windows(TRIES_PER_CLIENT), Windows(TRIES_OVERALL)
        # What is open, by payment hash, or by a number while it is being issued; and the same by client.
        self._open: dict[str, _Open] = {}
        self._open_of: dict[str, set[str]] = {}
        # By expiry, the next first; what was released meanwhile is still in it.
        self._due: list[tuple[float, str]] = []
        self._taken = 0
        for invoice in open_invoices:
            self._count(invoice.payment_hash, _Open(_NOBODY, "", invoice.expires_at))

    @contextmanager
    def invoice(self, client_key: str, subject: str, page: str = "") -> Iterator["Place"]:
        """A place for one new invoice, given back on leaving unless the invoice was issued."""
        place = Place(self, client_key, subject, page)
        try:
            yield place
        finally:
            self.release(place.number)

    def take(self, client_key: str, subject: str, page: str = "") -> str:
        """Count one new invoice; gives its number. Raises `TooMany` that says when to come back."""
        now = self._clock()
        self._release_expired(now)
        self._check_open(client_key, page, now)
        part = 0.5 if client_key not in self._open_of else 0.0
        _count_all(
            (
                (self._per_client, client_key, -0.25 if page else 0.0),
                (self._per_item, subject, part),
                (self._overall, "all", part),
            ),
            now,
            "too_many_invoices",
            "Invoices are asked for too fast.",
        )
        self._taken += 1
        number = str(self._taken)
        self._count(number, _Open(client_key, page, now + self._limits.invoice_expiry_seconds))
        return number

    @contextmanager
    def recovery(self, client_key: str, page: str = "") -> Iterator[None]:
        """Count one recovery code that a client tries, for good if it opens nothing. Raises `TooMany`.

        The budget of all together is for those who have failed before: others' guesses keep no honest reader out.
        """
        now = self._clock()
        counts = [(self._tries_per_client, client_key, -0.5 if page else 0.0)]
        if self._tries_per_client.counted(client_key, now) >= TRIES_APART:
            counts.append((self._tries_overall, "all", 0.0))
        _count_all(counts, now, "too_many_tries", "Recovery codes are tried too fast.")
        opens_nothing = False
        try:
            yield
        except NotFound:
            opens_nothing = True
            raise
        finally:
            if not opens_nothing:
                for windows, key, _ in counts:
                    windows.give_back(key, self._clock())

    def rename(self, number: str, payment_hash: str) -> None:
        """The invoice of this number was issued: it counts until it is paid or expires."""
        if number in self._open:
            invoice = self._open[number]
            self.release(number)
            self._count(payment_hash, invoice)

    def release(self, payment_hash: str) -> None:
        """An invoice is no longer open, or was never issued: it does not count any more."""
        invoice = self._open.pop(payment_hash, None)
        if invoice is None:
            return
        mine = self._open_of[invoice.client_key]
        mine.discard(payment_hash)
        if not mine:
            del self._open_of[invoice.client_key]

    def _check_open(self, client_key: str, page: str, now: float) -> None:
        mine = [self._open[name] for name in self._open_of.get(client_key, ())]
        most, most_overall = self._limits.open_invoices_per_client, self._limits.open_invoices
        foreign = [invoice for invoice in mine if invoice.page] if page else []
        same = [invoice for invoice in foreign if invoice.page == page]
        for held, allowed in ((mine, most), (foreign, max(1, most * 3 // 4)), (same, max(1, most // 4))):
            if len(held) >= allowed:
                oldest = min(invoice.expires_at for invoice in held)
                raise _too_many("too_many_open_invoices", "Too many of your invoices are unpaid.", oldest - now)
        # Where one client may hold all of them, nothing is kept for others.
        kept = most_overall // 2 if not mine and most_overall > most else 0
        if len(self._open) >= most_overall + kept:
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


class Place:
    """One new invoice that a client asks for."""

    def __init__(self, limits: Limits, client_key: str, subject: str, page: str = "") -> None:
        self._limits, self._asked = limits, (client_key, subject, page)
        self.number = ""

    def take(self) -> None:
        """Count it, before the node is asked. Raises `TooMany`."""
        self.number = self._limits.take(*self._asked)

    def issued(self, payment_hash: str) -> None:
        """Count it until it is paid or expires."""
        self._limits.rename(self.number, payment_hash)


def _count_all(counts: Iterable[tuple[Windows, str, float]], now: float, code: str, what: str) -> None:
    if wait_seconds := max(windows.wait_seconds(key, now, part=part) for windows, key, part in counts):
        raise _too_many(code, what, wait_seconds)
    for windows, key, _ in counts:
        windows.count(key, now)


def _too_many(code: str, what: str, seconds: float) -> TooMany:
    wait_seconds = max(1, min(_DAY_SECONDS, ceil(seconds)))
    return TooMany(code, f"{what} Come back in {wait_seconds} s.", retry_after_seconds=wait_seconds)
