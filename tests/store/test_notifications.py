"""Notifications between replicas, when their connection fails."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.errors import Unavailable
from gateway.store.engines.notifications import PostgresNotifications
from gateway.supervise import Progress
from tests.support.postgres_server import SHARED, Cluster
from tests.support.tcp_proxy import TcpProxy, tcp_proxy

pytestmark = pytest.mark.postgres


@pytest.fixture
async def proxy(cluster: Cluster) -> AsyncIterator[TcpProxy]:
    """Between the gateway and the server."""
    async with tcp_proxy(f"127.0.0.1:{cluster.port}") as between:
        yield between


@pytest.mark.parametrize("is_requested", [True, False])
async def test_notifications_reconnect_when_their_connection_swallows_everything(
    cluster: Cluster, proxy: TcpProxy, is_requested: bool
) -> None:
    own = PostgresNotifications(
        cluster.tcp_url(SHARED, int(proxy.target.rpartition(":")[2])),
        probe_every_seconds=60.0 if is_requested else 0.05,
        answer_seconds=0.2,
    )
    serving = asyncio.create_task(own.serve(Progress()))
    # The first notification is that of the start.
    await own.wait(10)
    proxy.forget()
    if is_requested:
        own.send()
    async with asyncio.timeout(10):
        with pytest.raises(Unavailable):
            await serving
