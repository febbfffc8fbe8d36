"""A gateway at a path of somebody's site: everything that a reader does stays below it."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from gateway.config import load_config
from gateway.simulator.core import Simulator
from tests.browser.conftest import NewReader
from tests.browser.reader import Reader
from tests.project.test_proxies import caddy_at_a_path, nginx_at_a_path
from tests.support.clock import FakeClock
from tests.support.processes.demo_process import free_port
from tests.support.rows import a_creator
from tests.support.site import Site, open_site

pytestmark = pytest.mark.proxy

TEXT = "# A text\n\nThe free part.\n\nThe paid part."
FRONTS = {"nginx passes it on": (nginx_at_a_path, True), "nginx takes it off": (nginx_at_a_path, False),
          "caddy passes it on": (caddy_at_a_path, True)}  # fmt: skip


@pytest_asyncio.fixture(loop_scope="session", params=[*FRONTS])
async def shop(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock, core: Simulator
) -> AsyncIterator[Site]:
    """A gateway below `/pay` of another site, each way a proxy may put it there; its `url` is the public one."""
    open_front, passes_it_on = FRONTS[request.param]
    front = f"127.0.0.1:{free_port()}"
    scheme = "https" if open_front is nginx_at_a_path else "http"
    config = load_config(data_dir=tmp_path / "data", public_url=f"{scheme}://{front}/pay/", trusted_proxies="127.0.0.1")
    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(open_site(config, clock, core))
        await site.gateway.catalog.add_creator(a_creator("alice"))
        await site.gateway.catalog.add_creator(a_creator("bob"))
        await site.sell_text(TEXT)
        gateway = site.url.removeprefix("http://")
        await stack.enter_async_context(open_front(tmp_path, gateway, front, passes_it_on=passes_it_on))
        site.url = config.public_url
        yield site
        site.gateway.hub.close()


async def newcomer(shop: Site, new_reader: NewReader, **options: object) -> Reader:
    """A reader who complains of every request that leaves the path."""
    return await new_reader(url=shop.url, ignore_https_errors=True, **options)


async def test_a_purchase_its_receipt_and_its_recovery_stay_below_the_path(shop: Site, new_reader: NewReader) -> None:
    reader = await newcomer(shop, new_reader)
    await reader.open("/i/welcome")
    invoice = await reader.press_pay()
    assert invoice["pay_url"] == f"{shop.url}/i/welcome"
    await shop.settle(invoice["payment_hash"])
    await expect(reader.text).to_contain_text("The paid part.")
    await reader.page.locator("#receipt").click()
    await expect(reader.page.locator("#recovery")).to_be_visible()
    await expect(reader.page.get_by_text(f"{shop.url.partition('://')[2]}/recover")).to_be_visible()
    code = await reader.page.locator("#recovery").inner_text()
    await reader.page.locator("#item").click()
    await expect(reader.text).to_contain_text("The paid part.")

    other = await newcomer(shop, new_reader, java_script_enabled=False)
    await other.open("/i/welcome")
    await other.page.get_by_role("link", name="Recover a purchase").click()
    await other.page.locator("#code").fill(code)
    await other.page.get_by_role("button", name="Open it").click()
    await other.page.locator("#item").click()
    await expect(other.text).to_contain_text("The paid part.")


async def test_a_page_without_script_sells_below_the_path(shop: Site, new_reader: NewReader) -> None:
    reader = await newcomer(shop, new_reader, java_script_enabled=False)
    await reader.open("/i/welcome?lang=ko")
    await reader.page.locator("#offer button.pay").click()
    await expect(reader.page).to_have_url(f"{shop.url}/i/welcome?lang=ko")
    qr = await reader.page.locator("#qr").get_attribute("src")
    assert qr is not None
    await shop.settle(qr.split("/")[-2])
    await reader.page.reload()
    await expect(reader.text).to_contain_text("The paid part.")
    await reader.page.locator("header.by a").click()
    await reader.page.locator("#offer button.pay").click()
    await expect(reader.page).to_have_url(f"{shop.url}/t/alice?lang=ko")


async def test_a_tip_is_given_and_thanked_for_below_the_path(shop: Site, new_reader: NewReader) -> None:
    reader = await newcomer(shop, new_reader)
    await reader.open("/t/alice")
    invoice = await reader.press_pay()
    await shop.settle(invoice["payment_hash"])
    await reader.is_in("open")
    await reader.page.locator("#receipt").click()
    await expect(reader.page.locator("#recovery")).to_be_visible()


async def test_the_embed_finds_its_gateway_below_the_path(shop: Site, new_reader: NewReader) -> None:
    reader = await newcomer(shop, new_reader)
    await reader.open("/embed?what=welcome")
    element = reader.page.locator(".embedded tuppence-paywall, .embedded tuppence-button").first
    async with reader.page.expect_response(lambda answer: answer.request.method == "POST") as asked:
        await element.locator("button.pay").click()
    await shop.settle((await (await asked.value).json())["payment_hash"])
    await expect(element).to_contain_text("The paid part.")


async def test_the_documentation_is_found_below_the_path(shop: Site, new_reader: NewReader) -> None:
    reader = await newcomer(shop, new_reader)
    await reader.open("/docs")
    async with reader.page.expect_response("**/openapi.json") as asked:
        await reader.page.get_by_role("link", name="openapi.json").click()
    assert (await (await asked.value).json())["servers"] == [{"url": "/pay"}]


@pytest.fixture
def clock() -> FakeClock:
    """The browser's."""
    return FakeClock(time.time())
