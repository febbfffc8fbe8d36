"""Two gateways on one database, neither of which has looked since the other wrote: what each believes from memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.app.background import BackgroundTiming
from gateway.config import load_config
from gateway.errors import Unavailable
from gateway.ports.node import NodeInvoiceState
from gateway.simulator.core import Simulator
from gateway.simulator.in_process_node import InProcessNode
from tests.project.test_proxies import running
from tests.support.clock import FakeClock
from tests.support.databases import broken_invariants, in_a_thread
from tests.support.postgres_server import Cluster
from tests.support.processes.demo_process import free_port
from tests.support.processes.seal_command import run_seal
from tests.support.rows import a_creator
from tests.support.site import Site, open_site
from tools.cluster import NGINX

TEXT = "# A text\n\nThe free part.\n\nThe paid part."
ITEM, INVOICES, CONTENT = "/v1/admin/items/welcome", "/v1/items/welcome/invoices", "/v1/items/welcome/content"
pytestmark = pytest.mark.postgres

TERMS: list[dict[str, Any]] = [
    {"price_msat": 200_000},
    {"access_seconds": 60},
    {"shares": [{"creator": "bob", "weight": 1}]},
]
PAGE = (
    '<!doctype html><title>A page</title><p>Free.</p><tuppence-paywall item="page-{number}"><template data-paid>'
    "<p>These are the paid words of a page, enough of them to be told from others.</p></template></tuppence-paywall>"
)
NEW = {"creator": "alice", "price_msat": 50_000, "markdown": TEXT}


@pytest.fixture
async def sites(cluster: Cluster, tmp_path: Path, clock: FakeClock, core: Simulator) -> AsyncIterator[list[Site]]:
    """Two gateways at one node, whose background never looks at the catalog."""
    database_url = cluster.url(in_a_thread(cluster.emptied()))
    timing = BackgroundTiming(catalog_every_seconds=10**6)
    async with AsyncExitStack() as stack:
        opened = []
        for name in "ab":
            shared = {"shared_dir": tmp_path / "shared", "database_url": database_url, "listen": "127.0.0.1:80"}
            config = load_config(data_dir=tmp_path / name, **shared)
            site = open_site(config, clock, core, nodes=[InProcessNode(core)], timing=timing)
            opened.append(await stack.enter_async_context(site))
        for name in ("alice", "bob"):
            await opened[0].gateway.catalog.add_creator(a_creator(name))
        await opened[0].gateway.nodes["lnd"].pinned.confirm()
        await opened[0].sell_text(TEXT)
        await opened[1].gateway.catalog.refresh()
        yield opened
    assert broken_invariants(database_url) == []


async def key_of(site: Site, name: str, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str]]:
    """Rotate a creator's key; the status, and headers of the new one."""
    status, body = await site.call("POST", f"/v1/admin/creators/{name}/key", headers=headers or site.operator)
    return status, {"Authorization": f"Bearer {body.get('api_key')}"}


async def used(site: Site, key: dict[str, str]) -> set[tuple[int, str]]:
    """What a key's holder gets at every address of theirs."""
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", "/v1/admin/items", {}),
        ("GET", ITEM, {}),
        ("GET", f"{ITEM}/content", {}),
        ("GET", "/v1/admin/payments", {}),
        ("GET", "/v1/admin/balances", {}),
        ("POST", "/v1/admin/items", {"json": NEW}),
        ("PATCH", ITEM, {"json": {"title": "Mine"}}),
        ("PUT", f"{ITEM}/content", {"data": b"Free.\n\nMine."}),
        ("DELETE", "/v1/admin/creators/alice/notes", {}),
        ("POST", "/v1/admin/creators/alice/key", {}),
    ]
    answers = [await site.call(method, path, headers=key, **rest) for method, path, rest in calls]
    return {(status, body["code"]) for status, body in answers}


async def test_a_key_that_was_replaced_is_refused_everywhere_at_once(sites: list[Site]) -> None:
    here, there = sites
    _, old = await key_of(here, "alice")
    assert (await there.call("GET", ITEM, headers=old))[0] == 200, "a new key holds everywhere at once"
    _, new = await key_of(here, "alice", old)
    assert await used(there, old) == {(401, "api_key_wrong")}
    assert await used(here, old) == {(401, "api_key_wrong")}
    assert (await there.call("GET", ITEM, headers=new))[0] == 200


async def test_of_many_who_replace_one_key_at_once_one_does(sites: list[Site]) -> None:
    _, old = await key_of(sites[0], "alice")
    rotated = await asyncio.gather(*(key_of(site, "alice", old) for site in sites * 4))
    assert [status for status, _ in rotated].count(200) == 1
    new = next(headers for status, headers in rotated if status == 200)
    assert (await sites[1].call("GET", ITEM, headers=new))[0] == 200


async def test_a_write_looks_its_key_up_where_it_writes(sites: list[Site], monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = sites
    _, old = await key_of(here, "alice")
    await there.gateway.catalog.refresh()
    await key_of(here, "alice")

    async def as_remembered() -> None: ...

    monkeypatch.setattr(there.gateway.catalog, "refresh_coalesced", as_remembered)
    before = there.dump()
    for method, path, rest in (
        ("POST", "/v1/admin/items", {"json": NEW}),
        ("PATCH", ITEM, {"json": {"title": "Mine"}}),
        ("PUT", f"{ITEM}/content", {"data": b"Free.\n\nMine."}),
        ("DELETE", "/v1/admin/creators/alice/notes", {}),
        ("POST", "/v1/admin/creators/alice/key", {}),
    ):
        status, problem = await there.call(method, path, headers=old, **rest)
        assert (status, problem["code"]) == (401, "api_key_wrong")
    assert there.dump() == before


async def test_without_the_database_no_key_is_accepted(sites: list[Site], monkeypatch: pytest.MonkeyPatch) -> None:
    _, key = await key_of(sites[0], "alice")

    async def refuse(_: object) -> None:
        raise Unavailable("database_away", "The database does not answer.")

    monkeypatch.setattr(sites[0].gateway.store, "read", refuse)
    assert await used(sites[0], key) == {(503, "database_away")}
    assert (await sites[0].call("GET", "/v1/items/welcome"))[0] == 200


async def test_the_operators_key_is_the_one_that_is_kept_now(sites: list[Site]) -> None:
    old = sites[0].operator
    (sites[0].gateway.config.shared_folder / "operator.key").write_text("tpo_another\n")
    for site in sites:
        assert (await site.call("GET", "/v1/admin/creators", headers=old))[0] == 401
        assert (await site.call("GET", "/v1/admin/creators", headers={"Authorization": "Bearer tpo_another"}))[0] == 200


# What another has just changed ---------------------------------------------------------------------------------------


async def test_what_one_makes_the_other_knows_when_it_is_asked(sites: list[Site]) -> None:
    here, there = sites
    await here.call("POST", "/v1/admin/creators", json={"name": "carol"}, headers=here.operator)
    assert (await there.call("GET", "/v1/creators/carol"))[0] == 200
    item = NEW | {"id": "new", "creator": "carol"}
    assert (await there.call("POST", "/v1/admin/items", json=item, headers=there.operator))[0] == 201
    assert (await here.call("POST", "/v1/items/new/invoices"))[0] == 201
    await here.sell_text(TEXT, item_id="newer")
    assert (await there.call("GET", "/i/newer"))[0] == 200
    for path in ("/v1/items/none", "/i/none", "/v1/creators/none"):
        assert (await there.call("GET", path))[0] == 404


async def test_what_is_changed_at_one_its_creator_reads_at_the_other(sites: list[Site]) -> None:
    for n, (here, there) in enumerate([sites, sites[::-1]] * 3):
        await here.call("PATCH", ITEM, json={"title": f"Title {n}"}, headers=here.operator)
        assert (await there.call("GET", ITEM, headers=there.operator))[1]["title"] == f"Title {n}"


async def test_a_flood_of_unknown_names_is_few_looks_at_the_database(
    sites: list[Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog, looks = sites[0].gateway.catalog, 0
    version = sites[0].gateway.store.read

    async def counted(work: Any) -> Any:
        nonlocal looks
        looks += 1
        return await version(work)

    monkeypatch.setattr(sites[0].gateway.store, "read", counted)
    await asyncio.gather(*(catalog.refresh_if_unknown(item_id=f"none-{n}") for n in range(500)))
    assert looks <= 2
    await catalog.refresh_if_unknown(item_id="Not a name")
    assert looks <= 2


@pytest.mark.parametrize("changed", TERMS)
async def test_a_sale_is_on_the_terms_of_the_database(sites: list[Site], changed: dict[str, Any]) -> None:
    here, there = sites
    await here.call("PATCH", ITEM, json=changed, headers=here.operator)
    _, bought = await there.call("POST", INVOICES)
    _, asked = await there.call("GET", CONTENT)
    for payment_hash in (bought["payment_hash"], asked["paymentHash"]):
        row = await here.gateway.store.read(lambda tx, h=payment_hash: tx.invoices.get(h))  # type: ignore[misc]  # bound in the loop
        item = here.gateway.catalog.item("welcome")
        assert row is not None
        terms = (row.amount_msat, row.access_seconds, row.shares)
        assert terms == (item.price_msat, item.access_seconds, item.shares)
    states = [invoice.state for invoice in here.core.invoices]
    assert states.count(NodeInvoiceState.OPEN) == 2, "what was made on other terms nobody can pay"


async def test_what_is_archived_at_one_no_other_sells(sites: list[Site]) -> None:
    here, there = sites
    await here.call("PATCH", ITEM, json={"state": "archived"}, headers=here.operator)
    for method, path in (("POST", INVOICES), ("GET", CONTENT)):
        status, problem = await there.call(method, path)
        assert (status, problem["code"]) == (404, "item_archived")
    assert [invoice.state for invoice in here.core.invoices if invoice.state is NodeInvoiceState.OPEN] == []


# What is handed over to another page ---------------------------------------------------------------------------------


async def test_a_code_that_one_shows_opens_once_at_whichever(sites: list[Site]) -> None:
    here, there = sites
    sealed = {"page_url": "https://blog.example/essay", "word_count": 8}
    essay = {"id": "essay", "creator": "alice", "price_msat": 50_000, "title": "An essay", "sealed": sealed}
    assert (await here.call("POST", "/v1/admin/items", json=essay, headers=here.operator))[0] == 201
    invoice, headers = await here.buy("essay")
    await here.settle(invoice["payment_hash"])
    for first in (here, there):
        link = (await here.call("GET", "/v1/receipt", headers=headers))[1]["page_url"]
        asked = {"json": {"code": link.partition("#tuppence=")[2]}}
        uses = await asyncio.gather(*(site.call("POST", "/v1/recoveries", **asked) for site in (first, here, there)))
        assert sorted(status for status, _ in uses) == [200, 404, 404]


@pytest.fixture
async def balanced(sites: list[Site], tmp_path: Path) -> AsyncIterator[Site]:
    """The two behind nginx, which asks them by turns; the `url` is nginx's."""
    servers, listen = (
        "".join(f"server {site.url.removeprefix('http://')};" for site in sites),
        f"127.0.0.1:{free_port()}",
    )
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(NGINX.format(folder=tmp_path, servers=servers, listen=listen))
    async with running(["/usr/sbin/nginx", "-c", str(configuration), "-p", str(tmp_path)], tmp_path, listen):
        yield replace(sites[0], url=f"http://{listen}")


@pytest.mark.proxy
async def test_behind_a_load_balancer_what_was_made_is_there_for_the_next_request(balanced: Site) -> None:
    for number in range(4):
        item = {**NEW, "id": f"new-{number}", "title": "New"}
        assert (await balanced.call("POST", "/v1/admin/items", json=item, headers=balanced.operator))[0] == 201
        for path in (f"/v1/items/new-{number}", f"/i/new-{number}", f"/v1/admin/items/new-{number}"):
            for _ in range(3):
                assert (await balanced.call("GET", path, headers=balanced.operator))[0] == 200, path
    _, key = await key_of(balanced, "alice")
    for _ in range(4):
        assert (await balanced.call("GET", ITEM, headers=key))[0] == 200


@pytest.mark.proxy
async def test_behind_a_load_balancer_a_new_page_is_sealed_at_the_first_run(balanced: Site, tmp_path: Path) -> None:
    for number in range(3):
        page = tmp_path / f"site-{number}" / "index.html"
        page.parent.mkdir()
        page.write_text(PAGE.format(number=number))
        given = ("--creator", "alice", "--price", "100sat", "--site", "https://blog.example")
        status, said = await run_seal(balanced, page.parent, "--in-place", *given)
        assert status == 0, said
        assert "paid words" not in page.read_text()
