"""A replica whose clock is minutes off uses the database's, is not ready until it is set, and recovers by itself."""

import time
from pathlib import Path

import pytest

from gateway.app.replica_clock import ReplicaClock
from gateway.config import Config
from gateway.simulator.core import Simulator
from gateway.store.engines.database import Database
from tests.support.clock import FakeClock, until
from tests.support.site import open_site

TOLERANCE_SECONDS = 5.0


@pytest.mark.parametrize("off_seconds", [-86_400, -300, -61, 61, 300, 10**9])
async def test_a_clock_that_is_off_is_replaced_by_the_databases_until_it_is_right(
    store: Database, off_seconds: int
) -> None:
    system = FakeClock(time.time() + off_seconds)
    clock = ReplicaClock(system, store, system=system, steady=time.monotonic)
    await clock.compare()
    assert abs(clock() - time.time()) < TOLERANCE_SECONDS
    assert ("ahead of" if off_seconds > 0 else "behind") in clock.wrong
    # The machine's clock is set right meanwhile: the time does not leap before the next comparison.
    system.now = time.time()
    assert abs(clock() - time.time()) < TOLERANCE_SECONDS
    await clock.compare()
    assert (clock(), clock.wrong) == (system.now, "")


@pytest.mark.parametrize("off_seconds", [-50, 0, 50])
async def test_a_clock_that_is_off_by_less_than_a_minute_stays_as_it_is(store: Database, off_seconds: int) -> None:
    system = FakeClock(time.time() + off_seconds)
    clock = ReplicaClock(system, store, system=system, steady=time.monotonic)
    await clock.compare()
    assert (clock(), clock.wrong) == (system.now, "")


@pytest.mark.postgres
@pytest.mark.parametrize("database_kind", ["postgres"], indirect=True)
async def test_a_replica_minutes_off_is_not_ready_and_sells_by_the_databases_time(
    config: Config, core: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert tmp_path
    system = FakeClock(time.time() + 300)
    right = time.time
    monkeypatch.setattr(time, "time", system)
    async with open_site(config, system, core) as site:
        status, said = await site.call("GET", "/readyz")
        assert (status, "300 s ahead" in str(said) or "299 s ahead" in str(said)) == (503, True)
        assert abs(site.gateway.clock() - right()) < TOLERANCE_SECONDS
        system.now = right()

        async def is_ready() -> bool:
            return (await site.gateway.readiness.check()).ready

        await until(is_ready)
