"""T24: many readers, each with something of their own in every place; then files, log and figures are searched."""

import asyncio
import io
from dataclasses import dataclass
from ipaddress import IPv6Address
from pathlib import Path
from random import Random
from secrets import token_hex
from typing import Any

import pytest
from sqlalchemy import text

from gateway.config import Config, load_config
from gateway.store.engines.database_url import sqlite_path
from tests.support.clock import until
from tests.support.databases import seen_in
from tests.support.postgres_server import Cluster
from tests.support.properties.example_counts import example_count
from tests.support.site import Site
from tests.whole.test_secrecy import BOOK, BROWSER, TEXT, spellings

JOURNEYS = example_count(60, nightly=1_000)
WAYS = ("text", "file", "tip", "challenge", "page", "form")
# Other tests left theirs in the same server's files.
CANARY, WORDS = f"canary-{token_hex(6)}", f"words-{token_hex(6)}"
PREFIX = "2001:db8:"
# What no parser takes: each has the canary in its path, in what names a reader, and beside the byte that is wrong.
MALFORMED = tuple(
    line.replace(b"CANARY", CANARY.encode())
    for line in (
        b"GET /v1/items/welcome?q=CANARY HTTP/1.1\r\nHost: a\r\nReferer: http://CANARY/\r\nX-CANARY: \0CANARY\r\n\r\n",
        b"POST /v1/items/welcome/invoices HTTP/1.1\r\nHost: a\r\nIdempotency-Key: CANARY\r\nBad CANARY: 1\r\n\r\n",
        b"POST /recover HTTP/1.1\r\nHost: a\r\nCookie: CANARY=1\r\nContent-Length: CANARY\r\n\r\ncode=CANARY",
        b"POST /t/alice HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nX-Forwarded-For: CANARY\r\n\r\nCANARY\r\n",
        b"GET /CANARY\xff HTTP/9.9\r\nUser-Agent: CANARY\r\n\r\n",
        b"CANARY CANARY CANARY\r\n\r\n",
    )
)


@pytest.fixture
def database_url(new_database_url: str) -> str:
    """A database to whose files nobody wrote before."""
    return new_database_url


@pytest.fixture
def config(tmp_path: Path, database_url: str) -> Config:
    """Behind a proxy that says who asks, with room for all of them."""
    rates = dict.fromkeys(("invoices_per_client", "invoices_per_item", "invoices_overall"), "100000/second")
    return load_config(data_dir=tmp_path / "data", database_url=database_url, trusted_proxies="127.0.0.1", **rates)


@dataclass(slots=True)
class Reader:
    """Who buys in one of the ways, is seen from an address of their own, and pays or does not."""

    site: Site
    number: int
    way: str
    pays: bool
    payment_hash: str = ""
    payment_request: str = ""
    token: str = ""

    @property
    def address(self) -> str:
        """A network of one's own."""
        return f"{PREFIX}{self.number:x}::{self.number + 1:x}"

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """A request that shows a canary wherever one can be shown."""
        shown = {
            "User-Agent": f"{CANARY}-agent",
            "Referer": f"http://{CANARY}-referer.example/",
            "Accept-Language": f"{CANARY}-lang",
            "X-Forwarded-For": self.address,
            "Cookie": f"{CANARY}=1",
        }
        options["headers"] = shown | options.get("headers", {})
        return await self.site.call(method, f"{path}?q={CANARY}", allow_redirects=False, **options)

    async def babble(self) -> None:
        """Send what cannot be read as a request; it is refused, or the connection ends."""
        host, _, port = self.site.url.removeprefix("http://").partition(":")
        connection, writer = await asyncio.open_connection(host, int(port))
        writer.write(MALFORMED[self.number % len(MALFORMED)])
        writer.write_eof()
        assert (await connection.read())[9:10] in {b"", b"4"}
        writer.close()

    async def ask(self) -> None:
        """Until there is an invoice."""
        note = {"message": f"{WORDS}-{self.number}", "name": WORDS}
        requests: dict[str, tuple[str, str, dict[str, Any]]] = {
            "text": ("POST", "/v1/items/welcome/invoices", {}),
            "file": ("POST", "/v1/items/book/invoices", {"headers": {"Idempotency-Key": f"{CANARY}-{self.number:08}"}}),
            "tip": ("POST", "/v1/creators/alice/tips", {"json": {"amount_msat": 1_000, **note}}),
            "challenge": ("GET", "/v1/items/welcome/content", {}),
            "page": ("POST", "/i/welcome", {"headers": BROWSER}),
            "form": ("POST", "/t/alice", {"headers": BROWSER, "data": {"amount": "21", **note}}),
        }
        method, path, options = requests[self.way]
        status, answer = await self.call(method, path, **options)
        assert status in {201, 303, 402}, answer
        row = list(self.site.core.invoices)[-1]
        self.payment_hash, self.payment_request = row.payment_hash.hex(), row.payment_request
        if self.way not in {"page", "form"}:
            self.token = answer.get("access_token") or answer["macaroon"]

    async def open(self) -> None:
        """What a reader does after a payment, or without one."""
        preimage = self.site.core.lookup(bytes.fromhex(self.payment_hash)).preimage.hex()
        proof = f"L402 {self.token}:{preimage}" if self.way == "challenge" and self.pays else f"Bearer {self.token}"
        presented = {"headers": {"Authorization": proof}} if self.token else {}
        for path in ("/v1/items/welcome/content", "/v1/items/book/download", "/v1/receipt"):
            status, _ = await self.call("GET", path, **presented)
            assert status < 500
        await self.call("POST", "/v1/items/book/links", **presented)
        await self.call("POST", "/v1/recoveries", json={"code": "0000-0000-0000"}, **presented)
        status, seen = await self.call("GET", f"/v1/invoices/{self.payment_hash}")
        assert (status, seen["state"]) == (200, "settled" if self.pays else "open")


async def test_t24_of_many_readers_nothing_is_kept_logged_or_counted_but_the_words_of_their_tips(
    site: Site, logged: io.StringIO, request: pytest.FixtureRequest
) -> None:
    await site.sell_text(TEXT)
    item = {"id": "book", "creator": "bob", "price_msat": 500_000, "file_name": "book.pdf"}
    await site.call("POST", "/v1/admin/items", json=item, headers=site.operator)
    await site.call("PUT", "/v1/admin/items/book/content", data=BOOK, headers=site.operator)
    rng = Random(24)
    readers = [Reader(site, number, rng.choice(WAYS), rng.random() < 0.8) for number in range(JOURNEYS)]
    for reader in readers:
        await reader.ask()
    for reader in (reader for reader in readers if reader.pays):
        site.pay(reader.payment_hash)
    await until(lambda: logged.getvalue().count("settled") > 0)  # the log is listened to
    for reader in readers:
        await reader.open()
        await reader.babble()
    _, figures = await site.call("GET", "/metrics")
    preimages = [row.preimage for row in site.core.invoices]
    hidden = [CANARY, PREFIX, *(spelling for preimage in preimages for spelling in spellings(preimage))]
    lines = logged.getvalue()
    tokens = [reader.token for reader in readers if reader.token]
    requests = [reader.payment_request for reader in readers]
    assert [secret for secret in (WORDS, *hidden, *tokens, *requests) if secret in lines] == []
    assert not any(secret in figures for secret in (CANARY, PREFIX, WORDS))
    kept = await files_of(site, request)
    assert WORDS.encode() in kept
    assert [secret for secret in (*hidden, *tokens) if secret.encode() in kept] == []
    raw = [*preimages, *(IPv6Address(reader.address).packed for reader in readers)]
    assert not any(secret in kept for secret in raw)


async def files_of(site: Site, request: pytest.FixtureRequest) -> bytes:
    """The database as a thief would find it: SQLite's files, or PostgreSQL's folder of it and the server's log."""
    url = site.gateway.config.database_url
    file = sqlite_path(url)
    if file is not None:
        return b"".join(path.read_bytes() for path in file.parent.glob("tuppence.db*"))
    cluster: Cluster = request.getfixturevalue("cluster")
    await cluster.execute("CHECKPOINT")
    named = text("SELECT oid FROM pg_database WHERE datname = current_database()")
    folder = cluster.folder / "data" / "base" / str(seen_in(url, lambda books: books.execute(named).scalar_one()))
    return b"".join(path.read_bytes() for path in (*folder.iterdir(), cluster.folder / "log"))
