"""Limits per client key, per item and overall. No address is kept: a client key is a keyed hash that lives a day."""

import hmac
from collections import deque
from ipaddress import IPv6Address, ip_address, ip_network

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from gateway.config import Config
from gateway.errors import TooMany
from gateway.ports import Clock, RandomBytes

_DAY_SECONDS = 86_400
_MOST_CLIENTS = 50_000


class Limits:
    """Counts what clients ask for; refusing consumes nothing."""

    def __init__(self, config: Config, clock: Clock, random_bytes: RandomBytes, *, open_invoices: int) -> None:
        self._clock, self._random_bytes = clock, random_bytes
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._per_client = parse(config.invoices_per_client)
        self._per_item = parse(config.invoices_per_item)
        self._overall = parse(config.invoices_overall)
        self._open_per_client = config.open_invoices_per_client
        self._open_overall = config.open_invoices
        self._expiry_seconds = config.invoice_expiry_seconds
        self._open: dict[str, deque[float]] = {}
        restored_until = clock() + config.invoice_expiry_seconds
        self._all_open: deque[float] = deque([restored_until] * open_invoices)
        self._key, self._key_until = random_bytes(32), clock() + _DAY_SECONDS

    def client_key(self, address: str | None) -> str:
        """A key for the network of an address, /24 or /48; another one every day and after every start."""
        now = self._clock()
        if now >= self._key_until:
            self._key, self._key_until = self._random_bytes(32), now + _DAY_SECONDS
            self._open.clear()
        return hmac.digest(self._key, _network(address).encode(), "sha256").hex()[:32]

    def take_invoice(self, client_key: str, subject: str) -> None:
        """Count one new invoice. Raises `TooMany` that says when to come back."""
        now = self._clock()
        mine = self._open.get(client_key) or deque()
        _drop_expired(mine, now)
        _drop_expired(self._all_open, now)
        if len(mine) >= self._open_per_client:
            raise _too_many("too_many_open_invoices", "Too many of your invoices are unpaid.", mine[0] - now)
        if len(self._all_open) >= self._open_overall:
            raise _too_many("too_many_open_invoices", "Too many invoices are unpaid here.", self._all_open[0] - now)
        rates = ((self._per_client, client_key), (self._per_item, subject), (self._overall, "all"))
        for rate, key in rates:
            if not self._limiter.test(rate, key):
                raise self._too_fast(rate, key)
        for rate, key in rates:
            self._limiter.hit(rate, key)
        mine.append(now + self._expiry_seconds)
        self._all_open.append(now + self._expiry_seconds)
        if client_key not in self._open and len(self._open) >= _MOST_CLIENTS:
            del self._open[next(iter(self._open))]
        self._open[client_key] = mine

    def _too_fast(self, rate: RateLimitItem, key: str) -> TooMany:
        resets_at = self._limiter.get_window_stats(rate, key).reset_time
        return _too_many("too_many_invoices", "Invoices are asked for too fast.", resets_at - self._clock())


def _drop_expired(instants: deque[float], now: float) -> None:
    while instants and instants[0] <= now:
        instants.popleft()


def _too_many(code: str, what: str, seconds: float) -> TooMany:
    wait_seconds = max(1, min(_DAY_SECONDS, int(seconds) + 1))
    return TooMany(code, f"{what} Come back in {wait_seconds} s.", retry_after_seconds=wait_seconds)


def _network(address: str | None) -> str:
    try:
        ip = ip_address((address or "").partition("%")[0])
    except ValueError:
        return "local"
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return str(ip_network((ip, 24 if ip.version == 4 else 48), strict=False))
