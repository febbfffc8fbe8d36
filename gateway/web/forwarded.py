"""The address of a client behind proxies: X-Forwarded-For counts as far as trusted proxies wrote it, no further."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohttp import web
from aiohttp.typedefs import Middleware

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Network = IPv4Network | IPv6Network


def forwarded(trusted: Sequence[Network]) -> Middleware:
    """A middleware after which `request.remote` is the client's address."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        address = client_address(request.remote, request.headers.getall("X-Forwarded-For", ()), trusted)
        return await handler(request if address == request.remote else request.clone(remote=address or ""))

    return middleware


def client_address(peer: str | None, lines: Iterable[str], trusted: Sequence[Network]) -> str | None:
    """Who asks, seen from the connection outwards: every trusted hop is believed about the one before it."""
    hops = [hop.strip() for line in lines for hop in line.split(",")]
    address = peer
    while hops and _is_trusted(address, trusted):
        address = hops.pop()
    return address


def comes_from_here(request: web.Request) -> bool:
    """Whether it was sent on this machine, and not passed on by a proxy here that nobody told us of."""
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    try:
        return ip_address(request.remote or "").is_loopback
    except ValueError:
        return False


def _is_trusted(address: str | None, trusted: Sequence[Network]) -> bool:
    try:
        ip = ip_address(address or "")
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return any(ip in network for network in trusted)
