"""Limits per client key, per item and overall. No address is kept: a client key is a keyed hash that lives a day."""

import hmac
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import ceil

from gateway.config import Config
from gateway.errors import TooMany
from gateway.ports import Clock, RandomBytes
from gateway.rows import Unresolved
from gateway.web.addresses import network_of
from gateway.web.windows import Rate, Windows

# Guessing a code of 60 bits: hopeless at this pace, and nobody who reads one off a receipt types faster.
TRIES_PER_CLIENT, TRIES_OVERALL = Rate(5, 60), Rate(10, 1)
_DAY_SECONDS = 86_400
_NOBODY = ""
_UNREAD = "local"


class Limits:
    """Counts what clients ask for; refusing consumes nothing."""

    def __init__(
        self, config: Config, clock: Clock, random_bytes: RandomBytes, *, open_invoices: Iterable[Unresolved]
    ) -> None:
        self._clock, self._random_bytes = clock, random_bytes
        self._per_client = Windows(Rate.parse(config.invoices_per_client))
        self._per_item = Windows(Rate.parse(config.invoices_per_item))
        self._overall = Windows(Rate.parse(config.invoices_overall))
        self._tries_per_client, self._tries_overall = Windows(TRIES_PER_CLIENT), Windows(TRIES_OVERALL)
        self._open_per_client = config.open_invoices_per_client
        self._open_overall = config.open_invoices
        self._expiry_seconds = config.invoice_expiry_seconds
        # When each open invoice expires, overall and by client; one that is still being issued goes by a number.
        self._open: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._open_of: dict[str, OrderedDict[str, float]] = {}
        self._taken = 0
        self._unread_before = False
        self._key, self._key_until = random_bytes(32), clock() + _DAY_SECONDS
        for invoice in open_invoices:
            self._count(invoice.payment_hash, _NOBODY, invoice.expires_at)

    def client_key(self, address: str | None) -> str:
        """A key for the network of an address, /24 or /48; another one every day and after every start."""
        now = self._clock()
        if now >= self._key_until:
            self._key, self._key_until = self._random_bytes(32), now + _DAY_SECONDS
        return hmac.digest(self._key, (network_of(address) or _UNREAD).encode(), "sha256").hex()[:32]

    def first_unread(self) -> bool:
        """Whether this is the first client whose address cannot be read."""
        first, self._unread_before = not self._unread_before, True
        return first

    @contextmanager
    def invoice(self, client_key: str, subject: str) -> Iterator["Place"]:
        """A place for one new invoice, given back on leaving unless the invoice was issued."""
        place = Place(self, client_key, subject)
        try:
            yield place
        finally:
            self.release(place.number)

    def take(self, client_key: str, subject: str) -> str:
        """Count one new invoice; gives its number. Raises `TooMany` that says when to come back."""
        now = self._clock()
        self._release_expired(now)
        mine = self._open_of.get(client_key, OrderedDict())
        if len(mine) >= self._open_per_client:
            oldest = next(iter(mine.values()))
            raise _too_many("too_many_open_invoices", "Too many of your invoices are unpaid.", oldest - now)
        if len(self._open) >= self._open_overall:
            _, oldest = next(iter(self._open.values()))
            raise _too_many("too_many_open_invoices", "Too many invoices are unpaid here.", oldest - now)
        counts = ((self._per_client, client_key), (self._per_item, subject), (self._overall, "all"))
        _count_all(counts, now, "too_many_invoices", "Invoices are asked for too fast.")
        self._taken += 1
        number = str(self._taken)
        self._count(number, client_key, now + self._expiry_seconds)
        return number

    def take_try(self, client_key: str) -> None:
        """Count one recovery code that a client tries. Raises `TooMany`."""
        counts = ((self._tries_per_client, client_key), (self._tries_overall, "all"))
        _count_all(counts, self._clock(), "too_many_tries", "Recovery codes are tried too fast.")

    def rename(self, number: str, payment_hash: str) -> None:
        """The invoice of this number was issued: it counts until it is paid or expires."""
        if number in self._open:
            client_key, expires_at = self._open[number]
            self.release(number)
            self._count(payment_hash, client_key, expires_at)

    def release(self, payment_hash: str) -> None:
        """An invoice is no longer open, or was never issued: it does not count any more."""
        client_key, _ = self._open.pop(payment_hash, (_NOBODY, 0.0))
        mine = self._open_of.get(client_key, OrderedDict())
        mine.pop(payment_hash, None)
        if not mine:
            self._open_of.pop(client_key, None)

    def _count(self, name: str, client_key: str, expires_at: float) -> None:
        self._open[name] = client_key, expires_at
        self._open_of.setdefault(client_key, OrderedDict())[name] = expires_at

    def _release_expired(self, now: float) -> None:
        while self._open:
            first, (_, expires_at) = next(iter(self._open.items()))
            if expires_at > now:
                return
            self.release(first)


class Place:
    """One new invoice that a client asks for."""

    def __init__(self, limits: Limits, client_key: str, subject: str) -> None:
        self._limits, self._client_key, self._subject = limits, client_key, subject
        self.number = ""

    def take(self) -> None:
        """Count it, before the node is asked. Raises `TooMany`."""
        self.number = self._limits.take(self._client_key, self._subject)

    def issued(self, payment_hash: str) -> None:
        """Count it until it is paid or expires."""
        self._limits.rename(self.number, payment_hash)


def _count_all(counts: Sequence[tuple[Windows, str]], now: float, code: str, what: str) -> None:
    if wait_seconds := max(windows.wait_seconds(key, now) for windows, key in counts):
        raise _too_many(code, what, wait_seconds)
    for windows, key in counts:
        windows.count(key, now)


def _too_many(code: str, what: str, seconds: float) -> TooMany:
    wait_seconds = max(1, min(_DAY_SECONDS, ceil(seconds)))
    return TooMany(code, f"{what} Come back in {wait_seconds} s.", retry_after_seconds=wait_seconds)
