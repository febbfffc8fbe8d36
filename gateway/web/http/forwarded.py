"""The address of a client behind trusted proxies, and whether a request was sent from this machine."""

import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from gateway.web.http.addresses import Address, forwarded_for, read_address
from gateway.web.http.application import gateway_of
from gateway.web.http.origins import hostname

# Prefixes of headers that proxies and tunnels add.
_OF_PROXIES = (
    "x-forwarded", "forwarded", "via", "x-real-", "x-client-", "x-cluster-", "x-original-", "true-client-", "client-ip",
    "cf-", "cdn-", "fastly-", "fly-", "ngrok-", "tailscale-", "x-envoy-", "x-amzn-", "x-appengine-", "x-azure-",
    "x-arr-", "x-proxy", "proxy-",
)  # fmt: skip

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Network = IPv4Network | IPv6Network

log = structlog.get_logger()


def forwarded(trusted: Sequence[Network]) -> Middleware:
    """A middleware that sets `request.remote` to the client's address.

    It is read from X-Forwarded-For or, if that is missing, from Forwarded (RFC 7239).
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        address = client_address(request.remote, _hops(request), trusted)
        return await handler(request if address == request.remote else request.clone(remote=address or ""))

    return middleware


def client_address(peer: str | None, lines: Iterable[str], trusted: Sequence[Network]) -> str | None:
    """The client's address, following the hops from the connection outwards as long as they are trusted.

    A hop that is not an address is returned as it is, and the hops beyond it are not trusted.
    """
    hops = [hop.strip() for line in lines for hop in line.split(",")]
    address = peer
    while hops and _is_trusted(address, trusted):
        hop = hops.pop()
        ip = read_address(hop)
        address = hop if ip is None else str(ip)
    return address


def client_key(request: web.Request) -> str:
    """The key under which the limits count the client.

    Clients whose address a proxy does not pass on readably share one key. Such requests are counted, and the first is
    logged, without what the proxy sent.
    """
    gateway = gateway_of(request)
    hops, address = _hops(request), read_address(request.remote)
    if (
        _is_unread(address, gateway.config.trusted_proxies, told=bool(hops))
        and gateway.metrics.count_unread_client() == 1
    ):
        log.warning(
            "client_address_unread",
            detail="A proxy is not in TUPPENCE_TRUSTED_PROXIES, or does not say readably whom it asks for: all its "
            "readers share the limits of one. Have it set X-Forwarded-For as ops/nginx.conf does.",
        )
    return gateway.client_keys.of(address)


def is_local(request: web.Request) -> bool:
    """Whether the request was sent from this machine and not forwarded by a local proxy or tunnel.

    A loopback peer is not proof: local tunnels and proxies are loopback peers too, and some rewrite Host. So there must
    be no header of a proxy, and both Host and the public URL must be loopback addresses. The admin socket is local.
    """
    if is_on_admin_socket(request):
        return True
    if any(name.lower().startswith(_OF_PROXIES) for name in request.headers):
        return False
    peer = read_address(request.remote)
    public_host = gateway_of(request).config.public_host
    return peer is not None and peer.is_loopback and all(map(_is_here, (request.headers.get("Host", ""), public_host)))


def is_on_admin_socket(request: web.Request) -> bool:
    """Whether the request arrived on the admin socket."""
    peer = None if request.transport is None else request.transport.get_extra_info("socket")
    return peer is not None and peer.family == socket.AF_UNIX


def _is_here(host: str) -> bool:
    name = hostname(host)
    ip = read_address(name)
    return name == "localhost" or (ip is not None and (ip.is_loopback or ip.is_unspecified))


def _is_unread(ip: Address | None, trusted: Sequence[Network], *, told: bool) -> bool:
    if not trusted:
        # Such a header from a private address was added by a proxy that is not configured as trusted.
        return told and (ip is None or ip.is_private)
    return ip is None or (not told and any(ip in network for network in trusted))


def _hops(request: web.Request) -> list[str]:
    headers = request.headers
    if "X-Forwarded-For" in headers:
        return headers.getall("X-Forwarded-For")
    return [hop for line in headers.getall("Forwarded", ()) for hop in forwarded_for(line)]


def _is_trusted(address: str | None, trusted: Sequence[Network]) -> bool:
    ip = read_address(address)
    return ip is not None and any(ip in network for network in trusted)
