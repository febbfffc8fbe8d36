"""Every metric has the value that its name says, while it is so."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from gateway.config import Config, load_config
from gateway.errors import Unavailable
from gateway.ports.node import NodeState
from gateway.simulator.core import Simulator
from tests.support.clock import FakeClock, until
from tests.support.databases import in_a_thread
from tests.support.postgres_server import Cluster
from tests.support.rows import NODE_ID, a_creator
from tests.support.site import Site, open_site

TEXT = "# A text\n\nThe free part.\n\nThe paid part."
NODE = f'{{node="{NODE_ID}"}}'


@pytest.fixture
async def shop(site: Site) -> Site:
    """A site that sells `welcome`."""
    await site.sell_text(TEXT)
    return site


async def scrape(site: Site) -> dict[str, float]:
    """Every sample by its name and labels."""
    status, text = await site.call("GET", "/metrics")
    assert status == 200
    samples = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in samples}


async def shows(site: Site, name: str, is_so: Callable[[float], bool]) -> None:
    async def look() -> bool:
        return is_so((await scrape(site)).get(name, float("nan")))

    await until(look)


async def test_what_is_sold_settled_and_earned_is_counted(shop: Site) -> None:
    bought = [(await shop.buy("welcome"))[0]["payment_hash"] for _ in range(3)]
    await shows(shop, f"tuppence_open_invoices{NODE}", lambda value: value == 3)
    for payment_hash in bought[:2]:
        await shop.settle(payment_hash)
    seen = await scrape(shop)
    assert seen[f"tuppence_invoices_total{NODE}"] == 3
    assert seen[f"tuppence_settled_total{NODE}"] == 2
    assert seen[f"tuppence_revenue_msat_total{NODE}"] == 200_000
    assert seen[f"tuppence_open_invoices{NODE}"] == 1
    await shows(shop, "tuppence_event_backlog", lambda backlog: backlog == 0)
    await shop.settle(bought[2])
    assert (await scrape(shop))[f"tuppence_open_invoices{NODE}"] == 0


async def test_a_settlement_that_was_credited_late_is_seen_to_be_late(shop: Site) -> None:
    early, late = [(await shop.buy("welcome"))[0]["payment_hash"] for _ in range(2)]
    await shop.settle(early)
    shop.core.quirks.drop_events = True
    shop.pay(late)
    shop.clock.advance(200)
    report = await shop.gateway.nodes[NODE_ID].node.lookup(late)
    assert report is not None
    await shop.gateway.settlers[NODE_ID].settle([report])
    seen = await scrape(shop)
    late_by = "tuppence_settled_to_credited_seconds_bucket"
    buckets = {edge: seen[f'{late_by}{{le="{edge}"}}'] for edge in ("1.0", "120.0", "300.0")}
    assert buckets == {"1.0": 1, "120.0": 1, "300.0": 2}
    assert seen["tuppence_credited_seconds_count"] == 2
    assert seen["tuppence_credited_seconds_sum"] == 0


async def test_what_a_sweep_found_and_how_long_the_stream_is_open_are_told(shop: Site) -> None:
    await shows(shop, f"tuppence_stream_age_seconds{NODE}", lambda age: age == 0)
    assert (await scrape(shop))[f"tuppence_sweep_found_total{NODE}"] == 0
    await until(lambda: len(shop.core._subscriptions) == 1)
    shop.clock.advance(30)
    await shows(shop, f"tuppence_stream_age_seconds{NODE}", lambda age: age == 30)
    invoice, _ = await shop.buy("welcome")
    shop.core.quirks.drop_events = True
    shop.pay(invoice["payment_hash"])
    shop.clock.advance(shop.gateway.config.invoice_expiry_seconds + 5)
    await shows(shop, f"tuppence_sweep_found_total{NODE}", lambda found: found == 1)


async def test_how_long_the_database_and_the_node_take_and_what_they_refuse_is_noted(shop: Site) -> None:
    await shop.buy("welcome")
    seen = await scrape(shop)
    assert seen['tuppence_database_seconds_count{work="write"}'] >= 1
    assert seen['tuppence_database_seconds_count{work="read"}'] >= 1
    assert seen[f'tuppence_node_seconds_count{{call="add_invoice",node="{NODE_ID}"}}'] == 1
    assert not [name for name in seen if name.startswith("tuppence_node_refusals_total")]
    shop.core.state = NodeState.LOCKED
    shop.core.restart()
    assert (await shop.call("POST", "/v1/items/welcome/invoices"))[0] == 503
    refusals = f'tuppence_node_refusals_total{{call="add_invoice",code="node_locked",node="{NODE_ID}"}}'
    assert (await scrape(shop))[refusals] == 1


async def test_failing_background_work_is_shown_until_it_succeeds(shop: Site) -> None:
    failing = f'tuppence_work_failures{{work="follow {NODE_ID}"}}'
    await shows(shop, failing, lambda failures: failures == 0)
    shop.core.state = NodeState.LOCKED
    shop.core.restart()
    await shows(shop, failing, lambda failures: failures >= 1)
    status, said = await shop.call("GET", "/readyz")
    assert status == 503
    assert any("locked" in sentence for sentence in said["wrong"])


async def test_a_scrape_is_answered_while_the_database_is_away(shop: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(_: Any) -> None:
        raise Unavailable("database_away", "The disk is full.")

    monkeypatch.setattr(shop.gateway.store._store, "read", away)  # type: ignore[attr-defined]  # behind the meter
    seen = await scrape(shop)
    assert seen["tuppence_event_backlog"] != seen["tuppence_event_backlog"], "not a number"
    assert f"tuppence_open_invoices{NODE}" not in seen
    assert seen['tuppence_database_refusals_total{code="database_away",work="read"}'] >= 1


async def test_the_limits_of_the_configuration_stand_beside_what_they_limit(
    tmp_path: Path, clock: FakeClock, core: Simulator
) -> None:
    config = load_config(data_dir=tmp_path, open_invoices=77, waiters=88)
    async with open_site(config, clock, core) as site:
        seen = await scrape(site)
    assert (seen['tuppence_limit{what="open_invoices"}'], seen['tuppence_limit{what="waiters"}']) == (77, 88)


@pytest.fixture
async def replicas(tmp_path: Path, clock: FakeClock, core: Simulator, cluster: Cluster) -> AsyncIterator[list[Site]]:
    """Two gateways on one database, at one node."""
    url = cluster.url(in_a_thread(cluster.emptied()))

    def config(name: str) -> Config:
        return load_config(data_dir=tmp_path / name, shared_dir=tmp_path / "shared", database_url=url)

    async with AsyncExitStack() as stack:
        sites = [await stack.enter_async_context(open_site(config(name), clock, core)) for name in "ab"]
        for name in ("alice", "bob"):
            await sites[0].gateway.catalog.add_creator(a_creator(name))
        await sites[0].sell_text(TEXT)
        yield sites


@pytest.mark.postgres
async def test_a_replica_whose_feed_has_ended_shows_a_backlog(replicas: list[Site]) -> None:
    one, lagging = replicas
    feed = lagging.gateway.supervisor.tasks["feed"]
    feed.cancel()
    await until(feed.done)
    for _ in range(3):
        invoice, _ = await one.buy("welcome")
        await one.settle(invoice["payment_hash"])
    assert (await scrape(lagging))["tuppence_event_backlog"] == 3
    await shows(one, "tuppence_event_backlog", lambda backlog: backlog == 0)
    assert "feed has ended" in (await lagging.call("GET", "/readyz"))[1]["wrong"]


async def test_every_metric_has_a_help_text(shop: Site) -> None:
    _, text = await shop.call("GET", "/metrics")
    helped = dict(re.findall(r"^# HELP (\S+) (.+)$", text, re.MULTILINE))
    assert len(helped) > 15
    assert all(len(sentence) > 10 for sentence in helped.values())
