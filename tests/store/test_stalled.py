"""A client of PostgreSQL that dies in the middle of a message, where no server-side timeout applies."""

import asyncio
import socket
import struct
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from gateway.errors import Unavailable
from gateway.ports.store import Tx
from gateway.store.engines.database import Database
from gateway.store.engines.postgres import PostgresStore, PostgresTiming
from gateway.store.engines.postgres_connection import APPLICATION
from tests.support.databases import in_a_thread
from tests.support.postgres_server import SHARED, USER, Cluster
from tests.support.rows import a_creator
from tests.support.tcp_proxy import tcp_proxy

pytestmark = pytest.mark.postgres

LOCK = b"SELECT name FROM creators FOR UPDATE"


@pytest.fixture
def database_url(cluster: Cluster) -> str:
    """Here it is PostgreSQL."""
    return cluster.url(in_a_thread(cluster.emptied()))


@pytest.fixture
async def shop(store: Database) -> Database:
    await store.write(lambda tx: tx.creators.insert(a_creator("alice")))
    return store


@pytest.fixture
def stalled(cluster: Cluster, shop: Database) -> Iterator[socket.socket]:
    """It has locked the creators' rows, and the Sync that would end its message never comes."""
    assert shop
    with socket.create_connection(("127.0.0.1", cluster.port)) as client:
        names = b"".join(
            part.encode() + b"\0" for part in ("user", USER, "database", SHARED, "application_name", APPLICATION, "")
        )
        client.sendall(struct.pack("!ii", 8 + len(names), 196_608) + names)
        client.sendall(_message(b"Q", b"BEGIN\0"))
        parse = _message(b"P", b"\0" + LOCK + b"\0" + bytes(2))
        client.sendall(parse + _message(b"B", bytes(8)) + _message(b"E", bytes(5)) + _message(b"H", b""))
        answered = b""
        while b"SELECT 1\0" not in answered:
            answered += client.recv(65_536)
        yield client


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", 4 + len(body)) + body


def change(tx: Tx) -> None:
    connection = tx.creators._connection  # type: ignore[attr-defined]  # to look inside
    connection.execute(text("SET LOCAL lock_timeout = '50ms'"))
    tx.creators.replace_key("alice", key_id="k", key_hash="h")


@pytest.mark.usefixtures("stalled")
async def test_who_stalls_for_long_is_robbed_of_the_rows_it_holds(database_url: str) -> None:
    store = await PostgresStore.open(database_url, timing=PostgresTiming(stalled_seconds=0.0))
    await store.write(change)
    await store.close()


@pytest.mark.usefixtures("stalled")
async def test_who_has_not_stalled_for_long_keeps_them(shop: Database) -> None:
    with pytest.raises(Unavailable):
        await shop.write(change)


async def test_a_store_is_closed_though_its_server_answers_nothing(cluster: Cluster, database_url: str) -> None:
    assert database_url
    async with tcp_proxy(f"127.0.0.1:{cluster.port}") as proxy:
        address = cluster.tcp_url(SHARED, int(proxy.target.rpartition(":")[2]))
        store = await PostgresStore.open(address, timing=PostgresTiming(close_seconds=0.1))
        await store.write(lambda tx: tx.creators.list())
        proxy.swallow()
        async with asyncio.timeout(10):
            await store.close()
