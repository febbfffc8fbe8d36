"""One browser and one demo for all; each test has readers of its own, and none may see an error or leave our origin."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from gateway.config import Config
from gateway.simulator.core import Simulator
from tests.browser.chromium import launch
from tests.browser.reader import DESKTOP, TOLD_VIOLATIONS, Reader
from tests.browser.running_demo import LARGE_BALANCE, RunningDemo, open_demo
from tests.browser.visitor import KEEP_EVENTS, KEEP_SHIFTS, Visitor
from tests.support.clock import FakeClock
from tests.support.databases import put_database
from tests.support.processes.npm_packages import install_packages
from tests.support.rows import a_creator
from tests.support.site import Site, open_site

PATIENCE_MILLISECONDS = 15_000
HERE = Path(__file__).parent
AXE = HERE / "axe"

NewReader = Callable[..., Awaitable[Reader]]
NewVisitor = Callable[..., Awaitable[Visitor]]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of this folder need a browser, and share its event loop."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium, started once."""
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    async with async_playwright() as playwright, launch(playwright) as browser:
        yield browser


@pytest.fixture(scope="session")
def axe() -> str:
    """Deque's axe, of the version that is locked."""
    script = install_packages(AXE, "--ignore-scripts") / "axe-core" / "axe.min.js"
    return script.read_text()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningDemo]:
    """`tuppence demo`, started once."""
    async with open_demo(tmp_path_factory.mktemp("demo"), *LARGE_BALANCE) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def new_reader(browser: Browser, demo: RunningDemo) -> AsyncIterator[NewReader]:
    """A function that gives a reader of the demo, or of another `url`, with a context's options."""
    readers: list[Reader] = []
    async with AsyncExitStack() as stack:

        async def make(*, url: str | None = None, **options: object) -> Reader:
            context = await browser.new_context(**DESKTOP | options)
            stack.push_async_callback(context.close)
            await context.add_init_script(TOLD_VIOLATIONS)
            readers.append(Reader(context, await context.new_page(), url or demo.url))
            return readers[-1]

        yield make
    assert [complaint for reader in readers for complaint in reader.complaints] == []


@pytest_asyncio.fixture(loop_scope="session")
async def reader(new_reader: NewReader) -> Reader:
    """Somebody at a desk."""
    return await new_reader()


@pytest_asyncio.fixture(loop_scope="session")
async def new_visitor(browser: Browser, demo: RunningDemo) -> AsyncIterator[NewVisitor]:
    """A function that gives a reader of a page that embeds us; `script` runs before the page's own."""
    visitors: list[Visitor] = []
    async with AsyncExitStack() as stack:

        async def make(*, script: str = "", **options: object) -> Visitor:
            context = await browser.new_context(**DESKTOP | options)
            stack.push_async_callback(context.close)
            for part in (TOLD_VIOLATIONS, KEEP_EVENTS, KEEP_SHIFTS, script):
                await context.add_init_script(part)
            press = demo.url.replace("127.0.0.1", "localhost")
            visitors.append(Visitor(context, await context.new_page(), press, demo.url))
            return visitors[-1]

        yield make
        assert [cookie for visitor in visitors for cookie in await visitor.context.cookies()] == []
    assert [complaint for visitor in visitors for complaint in visitor.complaints] == []


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(new_visitor: NewVisitor) -> Visitor:
    """Somebody at a desk, on a page that embeds us."""
    return await new_visitor()


@pytest.fixture
def clock() -> FakeClock:
    """A clock that agrees with the browser's until it is moved."""
    return FakeClock(time.time())


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """What a browser sees does not depend on the database."""
    return put_database(tmp_path / "tuppence.db")


@pytest_asyncio.fixture(loop_scope="session")
async def site(config: Config, clock: FakeClock, core: Simulator) -> AsyncIterator[Site]:
    """A gateway in this process, without the demo around it, whose node and clock a test can move."""
    async with open_site(config, clock, core) as opened:
        for name in ("alice", "bob"):
            await opened.gateway.catalog.add_creator(a_creator(name))
        yield opened
        # As a server that ends: the streams that readers still listen to end first.
        opened.gateway.hub.close()
