"""The path of the public URL is in every link, and every route answers with and without it."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.config import load_config
from gateway.simulator.core import Simulator
from tests.support.clock import FakeClock
from tests.support.rows import a_creator
from tests.support.site import Site, open_site

PAGES = ("/i/welcome", "/t/alice", "/r", "/recover", "/docs", "/embed?what=welcome", "/embed?what=@alice", "/i/nothing")
# What is posted to, and what is paid for.
NOT_OPENED_BY_GET = {
    "/pay/v1/items/welcome/invoices": 405,
    "/pay/v1/items/welcome/content": 402,
    "/pay/v1/creators/alice/tips": 405,
    "/pay/v1/receipt": 401,
}
NONCE = re.compile(rb'nonce="[^"]+"')
LINK = re.compile(r"""\b(?:href|src|action|data-[a-z]+)="(/[^"]*)""")


@pytest.fixture
async def shop(tmp_path: Path, clock: FakeClock, core: Simulator) -> AsyncIterator[Site]:
    """A site below `/pay` that sells `welcome`."""
    config = load_config(data_dir=tmp_path / "data", public_url="https://blog.example/pay")
    async with open_site(config, clock, core) as site:
        for name in ("alice", "bob"):
            await site.gateway.catalog.add_creator(a_creator(name))
        await site.sell_text("# A text\n\nFree.\n\nPaid.")
        yield site


@pytest.mark.parametrize("page", PAGES)
async def test_every_link_of_every_page_stays_below_the_path(shop: Site, page: str) -> None:
    _, text = await shop.call("GET", page, headers={"Accept": "text/html"})
    links = LINK.findall(text)
    assert len(links) > 2
    assert [link for link in links if not link.startswith("/pay/")] == []
    for link in {*links} - {"/pay/v1/invoices/"}:
        status, _ = await shop.call("GET", link.partition("#")[0])
        assert status == NOT_OPENED_BY_GET.get(link, 200), link


@pytest.mark.parametrize("path", ["/v1/items/welcome", "/healthz", "/i/welcome", "/openapi.json", "/embed/v1.js"])
async def test_a_route_answers_alike_with_and_without_the_public_path(shop: Site, path: str) -> None:
    answers = []
    for asked in (path, f"/pay{path}"):
        async with shop.session.get(f"{shop.url}{asked}", headers={"Origin": "https://elsewhere.example"}) as response:
            headers = {name: value for name, value in response.headers.items() if name.startswith("Access-")}
            answers.append((response.status, NONCE.sub(b"", await response.read()), headers))
    assert answers[0] == answers[1]
    assert answers[0][1]
    assert answers[0][0] == 200


async def test_counted_routes_are_without_the_public_path(shop: Site) -> None:
    await shop.call("GET", "/pay/v1/items/welcome")
    requests = shop.gateway.metrics.requests
    assert {sample.labels["route"] for metric in requests.collect() for sample in metric.samples} == {
        "/v1/admin/items",
        "/v1/items/{item_id}",
    }
