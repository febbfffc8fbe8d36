"""A host of the public network that answers, and the one that does what no host should."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any

from aiohttp import web

from gateway.outgoing.client import Outgoing, open_outgoing
from tests.support.public_network import PublicNetwork, client_context, public_network

REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(slots=True)
class Host:
    """Answers, and keeps the headers of what it was asked."""

    asked: list[dict[str, str]] = field(default_factory=list)

    def app(self) -> web.Application:
        """Its routes."""
        app = web.Application()
        app.router.add_get("/", self.answer)
        app.router.add_get("/echo{rest:.*}", self.echo)
        app.router.add_get("/sized/{count}", self.sized)
        app.router.add_get("/redirect/{status}", self.redirect)
        app.router.add_get("/silent", self.silent)
        app.router.add_get("/stops", self.stops)
        app.router.add_get("/endless", self.endless)
        app.router.add_get("/compressed", self.compressed)
        return app

    async def answer(self, request: web.Request) -> web.Response:
        """An answer, with a cookie and a status that means nothing."""
        self.asked.append(dict(request.headers))
        return web.Response(text="hello", status=404, headers={"Set-Cookie": "id=1; Path=/"})

    async def echo(self, request: web.Request) -> web.Response:
        """The path and query as they were sent."""
        return web.Response(text=request.raw_path)

    async def sized(self, request: web.Request) -> web.Response:
        """So many bytes."""
        return web.Response(body=bytes(int(request.match_info["count"])))

    async def redirect(self, request: web.Request) -> web.Response:
        """To where the query says."""
        return web.Response(status=int(request.match_info["status"]), headers={"Location": request.query["to"]})

    async def silent(self, _: web.Request) -> web.Response:
        """Says nothing."""
        await asyncio.Event().wait()
        raise AssertionError

    async def stops(self, request: web.Request) -> web.StreamResponse:
        """Says half of it."""
        response = web.StreamResponse()
        response.content_length = 10
        await response.prepare(request)
        await response.write(b"hello")
        await asyncio.Event().wait()
        raise AssertionError

    async def endless(self, request: web.Request) -> web.StreamResponse:
        """Never stops."""
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(bytes(8192))

    async def compressed(self, _: web.Request) -> web.Response:
        """Ten megabytes, in ten kilobytes."""
        return web.Response(body=gzip.compress(bytes(10_000_000)), headers={"Content-Encoding": "gzip"})


@dataclass(slots=True)
class World:
    """The network, its host, and the client under test."""

    network: PublicNetwork
    host: Host
    outgoing: Outgoing


@asynccontextmanager
async def open_world(*, allow: tuple[str, ...] = (), seconds: float = 10.0, **options: Any) -> AsyncIterator[World]:
    """A client whose only network is the public one in this process."""
    host = Host()
    async with (
        public_network(host.app(), **options) as network,
        open_outgoing(
            allow, look_up=network.look_up, open_socket=network.open_socket, tls=client_context(), seconds=seconds
        ) as outgoing,
    ):
        yield World(network, host, outgoing)


def inward_addresses() -> Iterator[str]:
    """Addresses of this machine, its networks, and special purposes, in every form that a resolver may give."""
    yield str(IPv4Address(0))
    yield from (
        *("127.0.0.1", "127.1.2.3", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
        *("169.254.169.254", "169.254.0.1", "100.64.0.1", "100.127.255.254", "192.0.0.8", "192.0.0.170", "192.0.2.1"),
        *("192.88.99.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250"),
        *("240.0.0.1", "255.255.255.255", "::", "::1", "::2", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1"),
        *("::ffff:0:10.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::169.254.169.254", "64:ff9b:1::8.8.8.8"),
        *("100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1", "2001:10::1", "2001:db8::1"),
        *("2002:7f00:1::", "2002:808:808::1", "3fff::1", "5f00::1", "fc00::1", "fd12:3456:789a::1", "fe80::1"),
        *("fe80::1%2", "febf::1", "fec0::1", "ff02::1", "ff0e::1", "4000::1", "1fff::1"),
    )
