"""Request heads and bodies have limits of size and time, which do not apply to event streams."""

import asyncio
import gzip
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import aiohttp
import pytest

from gateway.app.assemble import open_gateway
from gateway.config import Config
from gateway.simulator.core import Simulator
from gateway.simulator.in_process_node import InProcessNode
from gateway.web.http.bodies import DEFAULT_BODY_TIMING, MOST_BYTES, BodyTiming
from gateway.web.http.connections import CONNECTION_LIMITS, ConnectionLimits
from gateway.web.routes import API, KEY_HOLDERS_BYTES
from gateway.web.serve import build_app, serve
from tests.support.clock import FakeClock, until
from tests.support.rows import a_creator
from tests.support.site import Site
from tests.web.http.test_malformed_requests import lines_of

HEAD = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
TEXT = "# A text\n\nThe free part.\n\nThe paid part."
Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def door(config: Config, clock: FakeClock, core: Simulator, logged: io.StringIO) -> AsyncIterator[Site]:
    """A gateway as it serves, but sooner out of patience."""
    limits = ConnectionLimits(head_seconds=1.0, check_every_seconds=0.02, lingering_seconds=0.02)
    config = config.model_copy(update={"listen": "127.0.0.1:0"})
    async with (
        open_gateway(config, clock=clock, nodes=[InProcessNode(core)]) as gateway,
        serve(build_app(gateway, body_timing=BodyTiming(body_seconds=1.0)), config, limits=limits) as url,
        aiohttp.ClientSession() as session,
    ):
        for name in ("alice", "bob"):
            await gateway.catalog.add_creator(a_creator(name))
        site = Site(gateway, core, clock, url, session)
        await site.sell_text(TEXT)
        logged.truncate(0)
        yield site
    assert lines_of(logged) == []


@asynccontextmanager
async def served_again(
    site: Site, *, limits: ConnectionLimits = CONNECTION_LIMITS, body_timing: BodyTiming = DEFAULT_BODY_TIMING
) -> AsyncIterator[Site]:
    """The same gateway on another port, with limits of its own."""
    app = build_app(site.gateway, body_timing=body_timing)
    async with serve(app, site.gateway.config, limits=limits) as url:
        yield replace(site, url=url)


@asynccontextmanager
async def connected(site: Site) -> AsyncIterator[Ends]:
    host, _, port = site.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def rest_of(reader: asyncio.StreamReader) -> bytes:
    """What still comes until the gateway closes."""
    rest = b""
    with suppress(ConnectionError):
        async with asyncio.timeout(20):
            while piece := await reader.read(65_536):
                rest += piece
    return rest


async def answered(ends: Ends, request: bytes) -> bytes:
    """Send, and the head of the answer."""
    ends[1].write(request)
    async with asyncio.timeout(20):
        return await ends[0].readuntil(b"\r\n\r\n")


@pytest.mark.parametrize("begun", [b"", b"G", b"GET /healthz HTTP/1.1\r\nHost: a\r\n", b"\r\n"])
async def test_a_connection_whose_head_does_not_end_is_closed(door: Site, begun: bytes) -> None:
    async with connected(door) as (reader, writer):
        writer.write(begun)
        assert await rest_of(reader) == b""


async def test_a_head_that_trickles_has_no_more_time_than_one_that_stops(door: Site) -> None:
    async with connected(door) as (reader, writer):
        trickling = asyncio.create_task(rest_of(reader))
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Long: ")

        async def is_closed() -> bool:
            writer.write(b"x")
            return trickling.done()

        await until(is_closed)
        assert trickling.result() == b""


async def test_an_idle_connection_is_kept_and_its_next_head_has_the_same_time(door: Site) -> None:
    async with connected(door) as ends, connected(door) as other:
        assert b" 200 " in await answered(ends, HEAD)
        await rest_of(other[0])
        assert b" 200 " in await answered(ends, HEAD), "who is idle is not slow"
        ends[1].write(HEAD[:20])
        assert (await rest_of(ends[0])).endswith(b'{"alive":true}')


async def test_a_stream_of_events_outlives_every_limit_of_heads_and_bodies(door: Site) -> None:
    invoice, _ = await door.buy("welcome")
    async with connected(door) as ends, connected(door) as other:
        path = f"/v1/invoices/{invoice['payment_hash']}/events"
        assert b" 200 " in await answered(ends, f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        for _ in range(3):
            await rest_of(other[0])
        door.pay(invoice["payment_hash"])
        async with asyncio.timeout(20):
            await ends[0].readuntil(b"event: settled")


async def test_the_oldest_of_too_many_unfinished_connections_are_closed(door: Site) -> None:
    limits = ConnectionLimits(most_unfinished=3, head_seconds=600)
    async with (
        served_again(door, limits=limits) as site,
        connected(site) as first,
        connected(site),
        connected(site),
        connected(site) as last,
    ):
        assert await rest_of(first[0]) == b""
        assert b" 200 " in await answered(last, HEAD)


async def test_a_body_that_does_not_arrive_in_time_is_refused(door: Site) -> None:
    for path in ("/v1/recoveries", "/recover", "/v1/items/welcome/invoices"):
        kind = b"application/json" if path.startswith("/v1") else b"application/x-www-form-urlencoded"
        head = b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Type: %s\r\nContent-Length: 100\r\n\r\n" % (path.encode(), kind)
        async with connected(door) as ends:
            answer = await answered(ends, head + b"code=")
            assert b" 408 " in answer
            assert (b"body_too_slow" in await rest_of(ends[0])) == path.startswith("/v1")


async def test_an_upload_gets_time_for_the_bytes_it_sends_but_may_not_stall(door: Site) -> None:
    item = {"id": "book", "creator": "bob", "price_msat": 500_000, "file_name": "book.pdf"}
    await door.call("POST", "/v1/admin/items", json=item, headers=door.operator)
    head = (
        f"PUT /v1/admin/items/book/content HTTP/1.1\r\nHost: a\r\nAuthorization: {door.operator['Authorization']}\r\n"
    )
    timing = BodyTiming(body_seconds=1.0, stalled_seconds=0.2)
    async with served_again(door, body_timing=timing) as site, connected(site) as ends:
        ends[1].write(f"{head}Content-Length: 10000000\r\n\r\n".encode() + bytes(1_000_000))
        assert b" 408 " in await answered(ends, b"")
    assert (await door.call("GET", "/v1/items/book"))[1]["byte_size"] == 0


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
async def test_a_body_that_is_too_large_is_refused_by_its_content_length(door: Site, method: str) -> None:
    paths = {"GET": ("/i/welcome", "/v1/items/welcome", "/healthz"), "HEAD": ("/i/welcome",)}
    posts = (
        "/i/welcome",
        "/v1/items/welcome/invoices",
        "/v1/items/welcome/links",
        "/v1/recoveries",
        "/recover",
        "/t/alice",
    )
    for path in paths.get(method, posts):
        async with connected(door) as ends:
            answer = await answered(
                ends, f"{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n".encode()
            )
            assert b" 413 " in answer
            assert b"close" in answer
            await rest_of(ends[0])


@pytest.mark.parametrize("path", ["/v1/recoveries", "/recover", "/t/alice", "/v1/items/welcome/invoices"])
async def test_a_body_without_a_length_is_read_up_to_the_limit(door: Site, path: str) -> None:
    kind = "application/json" if path.startswith("/v1") else "application/x-www-form-urlencoded"
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    chunk = b"%x\r\n%s\r\n" % (4_096, b" " * 4_096)
    async with connected(door) as ends:
        assert b" 413 " in await answered(ends, head + chunk * 3)
        await rest_of(ends[0])


@pytest.mark.parametrize("path", ["/v1/recoveries", "/recover", "/v1/items/welcome/invoices", "/i/welcome"])
async def test_a_compressed_body_is_refused(door: Site, path: str) -> None:
    bomb = gzip.compress(bytes(3_000_000))
    status, refusal = await door.call("POST", path, data=bomb, headers={"Content-Encoding": "gzip"})
    assert (status, refusal["code"]) == (400, "body_malformed")


def test_a_reader_can_send_kilobytes_and_no_more() -> None:
    limits = {route.path: route.most() for route in API if not route.path.startswith("/v1/admin/")}
    assert set(limits.values()) == {MOST_BYTES}
    uploads = {route.path: route.most() for route in API if route.most() > KEY_HOLDERS_BYTES}
    assert set(uploads) == {"/v1/admin/items", "/v1/admin/items/{item_id}", "/v1/admin/items/{item_id}/content"}
