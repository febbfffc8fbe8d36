"""Client keys, under which the limits count clients: keyed hashes of networks, so that no address is kept."""

import hmac
from ipaddress import IPv4Address, IPv6Address

from gateway.ports.clock import Clock
from gateway.ports.random_bytes import RandomBytes

KEY_SECONDS = 86_400
# A client can change the rest of its address at will.
_NETWORK_BITS = {4: 24, 6: 48}
_UNREAD = "local"


class ClientKeys:
    """Makes client keys with a secret that lives in memory only and is replaced every day."""

    def __init__(self, clock: Clock, random_bytes: RandomBytes) -> None:
        self._clock, self._random_bytes = clock, random_bytes
        self._secret, self._secret_until = random_bytes(32), clock() + KEY_SECONDS

    def of(self, address: IPv4Address | IPv6Address | None) -> str:
        """The key of the network of an address, /24 or /48. Clients whose address is unknown share one key."""
        now = self._clock()
        if now >= self._secret_until:
            self._secret, self._secret_until = self._random_bytes(32), now + KEY_SECONDS
        network = _UNREAD if address is None else network_of(address)
        return hmac.new(self._secret, network.encode(), "sha256").hexdigest()[:32]


def network_of(address: IPv4Address | IPv6Address) -> str:
    """A name for the network of an address: its first 24 bits (IPv4) or 48 bits (IPv6)."""
    return f"{address.version}:{int(address) >> (address.max_prefixlen - _NETWORK_BITS[address.version])}"
