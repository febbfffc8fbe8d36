"""The creator's node is away, or asked too much of: a line says what to do, in words, and it works afterwards."""

import re

import pytest
import pytest_asyncio
from playwright.async_api import Route, expect

from gateway.ports.node import NodeState
from tests.browser.conftest import NewReader
from tests.browser.reader import ESSAY, Reader
from tests.support.site import Site

AWAY = "The creator's node is not answering. Nothing was charged; try again in a moment."
NOT_FOR_PEOPLE = re.compile(r"\b\d{3}\b|[a-z]+_[a-z]+|[{}<>`]|Error|undefined|null|NaN|Expected")


@pytest_asyncio.fixture(loop_scope="session")
async def reader(site: Site, new_reader: NewReader) -> Reader:
    """Somebody at a gateway whose node a test can stop."""
    await site.sell_text(ESSAY)
    reader = await new_reader(url=site.url)
    await reader.open("/i/welcome")
    return reader


@pytest.mark.parametrize("state", [NodeState.ABSENT, NodeState.LOCKED, NodeState.STARTING])
async def test_pay_says_that_nothing_was_charged_and_works_when_the_node_is_back(
    reader: Reader, site: Site, state: NodeState
) -> None:
    reader.expects("503")
    site.core.state = state
    await reader.page.locator("#offer button.pay").click()
    await expect(reader.status).to_have_text(AWAY)
    site.core.state = NodeState.READY
    invoice = await reader.try_again()
    site.pay(invoice["payment_hash"])
    await reader.is_open()


async def test_a_tip_says_it_too_and_keeps_what_was_written(reader: Reader, site: Site) -> None:
    reader.expects("503")
    await reader.open("/t/alice")
    site.core.state = NodeState.ABSENT
    await reader.page.get_by_text("Add a note").click()
    await reader.page.get_by_label("Message").fill("Well said")
    await reader.page.get_by_role("button", name="Send the tip").click()
    await expect(reader.status).to_have_text(AWAY)
    await expect(reader.page.get_by_label("Message")).to_have_value("Well said")


async def test_a_page_without_script_says_it_and_tries_again_by_itself(new_reader: NewReader, site: Site) -> None:
    await site.sell_text(ESSAY)
    reader = await new_reader(url=site.url, java_script_enabled=False)
    reader.expects("503")
    await reader.open("/i/welcome")
    site.core.state = NodeState.ABSENT
    await reader.page.get_by_role("button", name="Pay 100 sat").click()
    await expect(reader.page.get_by_role("heading")).to_have_text("The node is not answering")
    words = await reader.page.locator("main .lead").inner_text()
    assert NOT_FOR_PEOPLE.findall(words) == []
    await expect(reader.page.locator("main")).to_contain_text("tries again by itself")


@pytest.mark.parametrize(
    ("status", "body"),
    [(502, "<html>Bad gateway</html>"), (504, ""), (200, "null"), (503, "{}")],
)
async def test_what_a_proxy_says_instead_is_put_in_words(reader: Reader, status: int, body: str) -> None:
    async def answer(route: Route) -> None:
        await route.fulfill(status=status, body=body)

    reader.expects(str(status))
    await reader.page.route("**/invoices", answer, times=1)
    await reader.page.locator("#offer button.pay").click()
    await expect(reader.status).to_have_text(re.compile("Nothing was charged"))
    assert NOT_FOR_PEOPLE.findall(await reader.status.inner_text()) == []
    await reader.try_again()


async def test_somebody_who_asks_too_often_is_told_to_wait(reader: Reader, site: Site) -> None:
    reader.expects("429")
    while (await site.call("POST", "/v1/items/welcome/invoices"))[0] == 201:
        pass
    await reader.page.locator("#offer button.pay").click()
    await expect(reader.status).to_have_text(re.compile("Nothing was charged; try again in a moment\\.$"))
    await reader.is_in("failed")
