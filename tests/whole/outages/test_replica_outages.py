"""Replicas whose database, or whose connections to it, fail: they are ready while they sell, and soon after."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.config import load_config
from gateway.simulator.core import Simulator
from tests.support.clock import FakeClock, until
from tests.support.postgres_server import Cluster, open_cluster
from tests.support.site import Site, open_site

SOON_SECONDS = 3.0
LISTENERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ILIKE 'LISTEN%' OR query ILIKE 'NOTIFY%'"
)

pytestmark = pytest.mark.postgres


@pytest.fixture
async def own() -> AsyncIterator[Cluster]:
    """A server that may be stopped."""
    with open_cluster() as started:
        await started.prepare()
        yield started


@pytest.fixture
async def sites(own: Cluster, tmp_path: Path, clock: FakeClock, core: Simulator) -> AsyncIterator[list[Site]]:
    """Two idle replicas."""
    url = own.url(await own.new_database())
    async with AsyncExitStack() as stack:
        configs = [
            load_config(data_dir=tmp_path / name, shared_dir=tmp_path / "s", database_url=url, listen="127.0.0.1:80")
            for name in "ab"
        ]
        opened = [await stack.enter_async_context(open_site(config, clock, core)) for config in configs]
        for site in opened:
            await until(lambda each=site: _is_ready(each))  # type: ignore[misc]  # bound in the loop
        yield opened


async def _is_ready(site: Site) -> bool:
    return (await site.gateway.readiness.check()).ready


async def test_a_cut_notification_connection_makes_no_replica_unready(own: Cluster, sites: list[Site]) -> None:
    for _ in range(3):
        await own.execute(LISTENERS)
        failed: set[str] = set()

        def have_all_failed(failed: set[str] = failed) -> bool:
            """Each at its own time: the count of failures is zero again as soon as the connection is back."""
            failed.update(s.url for s in sites if s.gateway.supervisor.progress["notifications"].failures)
            return len(failed) == len(sites)

        await until(have_all_failed)
        assert [await _is_ready(site) for site in sites] == [True, True]
    # The next notification may be hours away: a new connection is well again.
    await until(lambda: not any(site.gateway.supervisor.progress["notifications"].last_error for site in sites))


async def test_replicas_are_ready_soon_after_the_database_is_back(own: Cluster, sites: list[Site]) -> None:
    await asyncio.to_thread(own.control, "-m", "fast", "stop")
    works = [work for site in sites for work in site.gateway.supervisor.progress.values()]
    # By then each waits for seconds before it tries again.
    await until(lambda: max(work.failures for work in works) > 5)
    assert [await _is_ready(site) for site in sites] == [False, False]
    await asyncio.to_thread(own.control, "start")
    async with asyncio.timeout(SOON_SECONDS):
        for site in sites:
            await until(lambda each=site: _is_ready(each))  # type: ignore[misc]  # bound in the loop
