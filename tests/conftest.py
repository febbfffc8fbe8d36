"""What tests share: a clock to move, a store on a real SQLite file, a simulated LND, a whole gateway over HTTP."""

import gc
import io
import os
import secrets
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from gateway.app.background import BACKGROUND_TIMING, BackgroundTiming
from gateway.config import Config, load_config
from gateway.log import configure_logging
from gateway.simulator.core import Simulator
from gateway.simulator.server import SimulatedLnd
from gateway.store.engines.database import Database, open_database
from tests.support.clock import FakeClock
from tests.support.databases import broken_invariants, in_a_thread, put_database
from tests.support.domain import Domain, open_domain
from tests.support.nodes.observed_node import ObservedNode
from tests.support.postgres_server import BINARIES, Cluster, open_cluster
from tests.support.processes.shell import Shell, simulated_lnd
from tests.support.properties.example_counts import NIGHTLY
from tests.support.rows import START, a_creator
from tests.support.site import Site, open_site

# How long a property is searched for a counter-example: with every run, and `--hypothesis-profile nightly`.
settings.register_profile("usual", max_examples=50, stateful_step_count=30, deadline=None)
settings.register_profile(NIGHTLY, max_examples=2_000, stateful_step_count=50, deadline=None)
settings.load_profile("usual")

PROXIES = ("/usr/sbin/nginx", "/usr/bin/caddy")
ASKS_THE_STORE = {"store", "domain", "new_database_url"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips are decided here, by marker, and never in CI: there a missing part is a failure."""
    if os.environ.get("CI") == "true":
        return
    for item in items:
        if item.get_closest_marker("browser") and not Path("/usr/bin/chromium").exists():
            item.add_marker(pytest.mark.skip(reason="needs chromium: apt install chromium"))
        if item.get_closest_marker("postgres") and not (BINARIES / "initdb").exists():
            item.add_marker(pytest.mark.skip(reason="needs PostgreSQL 15: apt install postgresql-15"))
        if item.get_closest_marker("proxy") and not all(Path(program).exists() for program in PROXIES):
            item.add_marker(pytest.mark.skip(reason="needs nginx and Caddy: apt install nginx-light caddy"))
        if item.get_closest_marker("generators") and not all(map(shutil.which, ("hugo", "jekyll"))):
            item.add_marker(pytest.mark.skip(reason="needs Hugo and Jekyll: apt install hugo jekyll"))
        if item.get_closest_marker("systemd") and shutil.which("systemd-analyze") is None:
            item.add_marker(pytest.mark.skip(reason="needs systemd-analyze: apt install systemd"))
        if item.get_closest_marker("node") and shutil.which("npm") is None:
            item.add_marker(pytest.mark.skip(reason="needs Node 20: apt install nodejs npm"))


def pytest_collection_finish() -> None:
    """Leave what was collected to itself: it lives as long as the run, and garbage need not be sought in it."""
    gc.collect()
    gc.freeze()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What asks the store, or is marked, runs on both databases; what asks HTTP runs on SQLite."""
    fixtures = {*metafunc.fixturenames}
    is_said = any("database_kind" in mark.args for mark in metafunc.definition.iter_markers("parametrize"))
    if is_said or "database_kind" not in fixtures:
        return
    if fixtures & ASKS_THE_STORE or metafunc.definition.get_closest_marker("both_databases"):
        kinds = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
        metafunc.parametrize("database_kind", kinds, indirect=True)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(START)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server for this run."""
    with open_cluster() as started:
        in_a_thread(started.prepare())
        yield started


@pytest.fixture
def database_kind(request: pytest.FixtureRequest) -> str:
    """`sqlite` or `postgres`; `pytest_generate_tests` says which tests run on both."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture
def database_url(request: pytest.FixtureRequest, database_kind: str, tmp_path: Path) -> str:
    """The address of an empty, migrated database."""
    if database_kind == "sqlite":
        return put_database(tmp_path / "tuppence.db")
    cluster: Cluster = request.getfixturevalue("cluster")
    return cluster.url(in_a_thread(cluster.emptied()))


@pytest.fixture
def new_database_url(request: pytest.FixtureRequest, database_kind: str, tmp_path: Path) -> str:
    """The same, of a database that no other test uses before or after."""
    if database_kind == "sqlite":
        return put_database(tmp_path / "tuppence.db")
    cluster: Cluster = request.getfixturevalue("cluster")
    return cluster.url(in_a_thread(cluster.new_database()))


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Database]:
    """An empty database, migrated."""
    opened = await open_database(database_url)
    yield opened
    await opened.close()
    assert broken_invariants(database_url) == []


@pytest.fixture
def core(clock: FakeClock) -> Simulator:
    """The simulated LND without its wire."""
    return Simulator(clock=clock, random_bytes=secrets.token_bytes)


@pytest.fixture
async def node(core: Simulator) -> ObservedNode:
    """The simulated LND as the domain sees it: it notes what it is asked, and can be told to fail or to wait."""
    return ObservedNode(core)


@pytest.fixture
async def domain(
    tmp_path: Path, database_url: str, clock: FakeClock, core: Simulator, node: ObservedNode
) -> AsyncIterator[Domain]:
    """The domain without the web, selling `welcome`."""
    async with open_domain(tmp_path, clock, core, database_url=database_url, node=node) as opened:
        yield opened


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """An empty folder in which `tuppence` commands run."""
    return Shell(tmp_path)


@pytest.fixture
async def lnd(shell: Shell) -> AsyncIterator[SimulatedLnd]:
    """A simulated LND that serves gRPC, and that the shell's variables name."""
    async with simulated_lnd(shell) as simulated:
        yield simulated


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What a server logs, from debug up."""
    lines = io.StringIO()
    monkeypatch.setattr(sys, "stderr", lines)
    configure_logging("debug")
    monkeypatch.undo()
    yield lines
    structlog.reset_defaults()


@pytest.fixture
def config(tmp_path: Path, database_url: str) -> Config:
    """A configuration on a folder of its own."""
    return load_config(data_dir=tmp_path / "data", database_url=database_url, listen="127.0.0.1:8402")


@pytest.fixture
def timing() -> BackgroundTiming:
    """How often a gateway's background work looks, and how long it waits after a failure."""
    return BACKGROUND_TIMING


@pytest.fixture
async def site(config: Config, clock: FakeClock, core: Simulator, timing: BackgroundTiming) -> AsyncIterator[Site]:
    """A gateway with creators alice and bob; its books are audited afterwards."""
    async with open_site(config, clock, core, timing=timing) as opened:
        for name in ("alice", "bob"):
            await opened.gateway.catalog.add_creator(a_creator(name))
        # The background pins it sooner or later, and tests compare the books before and after.
        await opened.gateway.nodes["lnd"].pinned.confirm()
        yield opened
    assert broken_invariants(config.database_url) == []
