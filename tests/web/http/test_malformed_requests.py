"""Arbitrary bytes get a response below 500 and leave no line in the log."""

import asyncio
import io
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from random import Random

import aiohttp
import pytest

from gateway.app.assemble import open_gateway
from gateway.config import Config, load_config
from gateway.simulator.core import Simulator
from gateway.simulator.in_process_node import InProcessNode
from gateway.web.http.bodies import BodyTiming
from gateway.web.http.connections import ConnectionLimits
from gateway.web.routes import API
from gateway.web.serve import build_app, serve
from tests.support.clock import FakeClock
from tests.support.properties.example_counts import example_count
from tests.support.properties.malformed_bytes import (
    BODIES,
    CANARY,
    HEADERS,
    KNOWN,
    NONSENSE,
    PAGES,
    PATHS,
    QUERIES,
    TYPES,
    UNREADABLE,
)
from tests.support.rows import a_creator
from tests.support.site import Site
from tests.whole.test_secrecy import BOOK

ROUNDS = example_count(400, nightly=20_000)
SEED = 8
EXPECTED = {"settled", "client_address_unread"}
TEXT = "# A text\n\nThe free part.\n\nThe paid part."


@pytest.fixture
def config(tmp_path: Path, database_url: str) -> Config:
    rates = dict.fromkeys(("invoices_per_client", "invoices_per_item", "invoices_overall"), "100000/second")
    most = {"open_invoices_per_client": 10**6, "open_invoices": 10**6}
    return load_config(
        data_dir=tmp_path / "data",
        database_url=database_url,
        listen="127.0.0.1:0",
        trusted_proxies="127.0.0.1",
        **rates,
        **most,
    )


@pytest.fixture
async def door(config: Config, clock: FakeClock, core: Simulator, logged: io.StringIO) -> AsyncIterator[Site]:
    """A gateway as it serves, but sooner out of patience, with a text and a file that was put."""
    limits = ConnectionLimits(head_seconds=0.1, check_every_seconds=0.02, lingering_seconds=0.02)
    async with (
        open_gateway(config, clock=clock, nodes=[InProcessNode(core)]) as gateway,
        serve(build_app(gateway, body_timing=BodyTiming(body_seconds=0.1)), config, limits=limits) as url,
        aiohttp.ClientSession() as session,
    ):
        site = Site(gateway, core, clock, url, session)
        for name in ("alice", "bob"):
            await gateway.catalog.add_creator(a_creator(name))
        await site.sell_text(TEXT)
        item = {"id": "book", "creator": "bob", "price_msat": 500_000, "file_name": "book.pdf"}
        await site.call("POST", "/v1/admin/items", json=item, headers=site.operator)
        await site.call("PUT", "/v1/admin/items/book/content", data=BOOK, headers=site.operator)
        logged.truncate(0)
        yield site


async def send(site: Site, request: bytes) -> bytes:
    """What comes back, to the end of the connection or of what it says at once; a stream of events is left."""
    host, _, port = site.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    answer = b""
    try:
        with suppress(ConnectionError):
            writer.write(request)
            async with asyncio.timeout(20):
                answer = await reader.read(65_536)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
    return answer


def a_request(rng: Random, operator: str, file_token: str) -> bytes:
    """A route, and nonsense in some of its places."""
    routes = [f"{route.method} {route.path.format(**KNOWN)}" for route in API if not route.path.endswith("/events")]
    method, _, path = rng.choice([*routes, *PAGES]).partition(" ")
    target = path.encode()
    if rng.random() < 0.2:
        target = target.rpartition(b"/")[0] + b"/" + rng.choice(PATHS)
    if rng.random() < 0.3:
        target = target.partition(b"?")[0] + rng.choice(QUERIES)
    body = rng.choice(BODIES) if method in {"POST", "PATCH"} or rng.random() < 0.1 else b""
    headers = {"Host": b"localhost", "Connection": b"close", "Content-Length": str(len(body)).encode()}
    if rng.random() < 0.8:
        headers["Authorization"] = f"Bearer {operator if path.startswith('/v1/admin') else file_token}".encode()
    if body:
        headers["Content-Type"] = rng.choice(TYPES)
    if rng.random() < 0.3:
        headers["Accept"] = b"text/html"
    for name in rng.sample(HEADERS, rng.choice((0, 1, 1, 2, 3))):
        value = rng.choice(NONSENSE)
        headers[name] = value + CANARY.encode() if rng.random() < 0.3 else value
    lines = b"".join(b"%s: %s\r\n" % (name.encode(), value) for name, value in headers.items())
    return b"%s %s HTTP/1.1\r\nReferer: http://%s/\r\n%s\r\n" % (method.encode(), target, CANARY.encode(), lines) + body


async def a_file_token(site: Site) -> str:
    invoice, _ = await site.buy("book")
    await site.settle(invoice["payment_hash"])
    return str(invoice["access_token"])


def lines_of(logged: io.StringIO) -> list[str]:
    """What was logged, but for what a sale says of itself, and a hint for the operator that comes once."""
    lines = [line for line in logged.getvalue().replace("\0", "").splitlines() if line]
    return [line for line in lines if json.loads(line)["event"] not in EXPECTED]


async def test_any_request_is_answered_below_500_and_not_logged(door: Site, logged: io.StringIO) -> None:
    rng, token, wrong = Random(SEED), await a_file_token(door), []
    for _ in range(ROUNDS):
        request = a_request(rng, door.gateway.operator_key, token)
        answer = await send(door, request)
        status = answer[9:12]
        if not answer.startswith(b"HTTP/1.") or not b"100" <= status < b"500":
            wrong.append((request[:400], answer[:300]))
    assert wrong == []
    assert lines_of(logged) == []


@pytest.mark.parametrize("request_bytes", UNREADABLE, ids=range(len(UNREADABLE)))
async def test_bytes_that_are_not_a_request_are_refused_and_not_logged(
    door: Site, logged: io.StringIO, request_bytes: bytes
) -> None:
    for _ in range(3):
        answer = await send(door, request_bytes)
        assert answer == b"" or b"400" <= answer[9:12] < b"500", answer[:200]
    assert (await door.call("GET", "/healthz"))[0] == 200
    assert lines_of(logged) == []


async def test_a_malformed_form_or_body_is_refused(door: Site, logged: io.StringIO) -> None:
    paths = ("/recover", "/t/alice", "/v1/recoveries", "/v1/creators/alice/tips")
    for path, body, media_type in itertools.product(paths, BODIES, TYPES):
        head = b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
        answer = await send(door, head % (path.encode(), media_type, len(body)) + body)
        assert b"400" <= answer[9:12] < b"500", (body[:99], media_type, answer[:200])
    assert lines_of(logged) == []
