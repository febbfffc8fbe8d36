"""Several LND nodes: sales go to healthy ones that are not drained; an invoice settles at its own."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.config import Config, load_config
from gateway.errors import OutcomeUnknown
from gateway.lnd.client import LndNode
from gateway.lnd.liveness import Timing
from gateway.ports.node import NodeState
from gateway.simulator.core import Simulator
from gateway.simulator.server import serve_simulator
from tests.support.clock import FakeClock, unless_changed, until
from tests.support.databases import in_a_thread
from tests.support.nodes.observed_node import ObservedNode
from tests.support.nodes.two_nodes import TEXT, Pair, open_pair
from tests.support.postgres_server import Cluster
from tests.support.rows import a_creator
from tests.support.site import QUICK_RETRIES, open_site
from tests.support.tcp_proxy import tcp_proxy

ANSWER_SECONDS = 2.0
INVOICES = "/v1/items/welcome/invoices"


@pytest.fixture
async def pair(config: Config, clock: FakeClock) -> AsyncIterator[Pair]:
    async with open_pair(config, clock, timing=QUICK_RETRIES) as opened:
        yield opened


# Sales ---------------------------------------------------------------------------------------------------------------


async def test_healthy_nodes_sell_in_turn(pair: Pair) -> None:
    assert await pair.sellers(4) == ["north", "south", "north", "south"]


async def test_while_one_node_is_away_the_other_sells_and_the_gateway_is_ready(pair: Pair) -> None:
    pair.north.state = NodeState.ABSENT
    pair.north.restart()
    assert await pair.sellers(3) == ["south"] * 3
    status, said = await pair.site.call("GET", "/readyz")
    assert (status, said["ready"]) == (200, True)
    assert any("node north is absent" in sentence for sentence in said["wrong"])
    assert not any("south" in sentence for sentence in said["wrong"])

    pair.south.state = NodeState.LOCKED
    assert (await pair.site.call("POST", INVOICES))[0] == 503

    async def is_closed() -> bool:
        return bool((await pair.site.call("GET", "/readyz"))[0] == 503)

    await until(is_closed)

    pair.north.state = pair.south.state = NodeState.READY
    assert len(await pair.sellers(2)) == 2

    async def is_well() -> bool:
        return bool((await pair.site.call("GET", "/readyz"))[1] == {"ready": True, "wrong": []})

    await until(is_well)


async def test_an_answer_that_is_lost_is_made_up_for_at_another_node_with_another_preimage(pair: Pair) -> None:
    north, south = pair.nodes
    north.failing["add_invoice"] = OutcomeUnknown("node_outcome_unknown", "The node did not answer in time.")
    assert await pair.sellers(2) == ["south"] * 2
    assert len({*north.preimages, *south.preimages}) == len(north.preimages) + len(south.preimages)


async def test_a_connection_that_swallows_everything_costs_the_next_reader_nothing(
    config: Config, clock: FakeClock, core: Simulator, tmp_path: Path
) -> None:
    async with serve_simulator(tmp_path / "lnd", clock=time.time) as simulated, tcp_proxy(simulated.target) as proxy:
        north = LndNode(
            node_id="north",
            target=proxy.target,
            tls_cert=simulated.tls_cert_path,
            macaroon=simulated.macaroon_path,
            timing=Timing(add_seconds=ANSWER_SECONDS, repeat_seconds=0.2, probe_seconds=0.4),
        )
        async with open_site(config, clock, core, nodes=[north, ObservedNode(core, node_id="south")]) as site:
            await site.gateway.catalog.add_creator(a_creator("alice"))
            await site.gateway.catalog.add_creator(a_creator("bob"))
            await site.sell_text(TEXT)
            await site.buy("welcome")
            await site.buy("welcome")
            assert [len([*node.invoices]) for node in (simulated.core, core)] == [1, 1]
            proxy.swallow()
            await site.buy("welcome")
            for _ in range(2):
                async with asyncio.timeout(ANSWER_SECONDS):
                    await site.buy("welcome")
            assert [len([*node.invoices]) for node in (simulated.core, core)] == [1, 4]
        await north.close()


async def test_a_node_without_room_for_the_payment_is_asked_last(pair: Pair) -> None:
    pair.site.gateway.nodes["north"].health.inbound_msat = 99_999
    assert await pair.sellers(3) == ["south"] * 3


# Settlements ---------------------------------------------------------------------------------------------------------


async def test_two_nodes_count_alike_and_each_settles_its_own(pair: Pair) -> None:
    bought = [(await pair.buy())[0] for _ in range(6)]
    assert sorted((row.node_id, row.add_index) for row in bought) == [
        (n, i) for n in ("north", "south") for i in (1, 2, 3)
    ]
    for row in bought:
        pair.pay(row)
    await pair.until_settled(*bought)
    balances = await pair.site.gateway.store.read(lambda tx: tx.ledger.balances())
    assert {b.account: int(b.balance_msat) for b in balances}["creator:alice"] == 6 * 70_000


async def test_what_settles_while_its_node_is_out_of_reach_is_credited_when_it_is_back(pair: Pair) -> None:
    row, token = await pair.buy_at("north")
    pair.north.state = NodeState.ABSENT
    pair.north.restart()
    pair.pay(row)
    other, _ = await pair.buy()
    pair.pay(other)
    await pair.until_settled(other)
    await unless_changed(lambda: row.payment_hash not in pair.announced.settled_hashes)
    pair.north.state = NodeState.READY
    await pair.until_settled(row)
    assert (await pair.site.call("GET", "/v1/items/welcome/content", headers=token))[0] == 200


async def test_only_an_invoices_own_node_is_asked_about_it(pair: Pair) -> None:
    north, south = pair.nodes
    row, token = await pair.buy_at("south")
    preimage = pair.pay(row)
    await pair.until_settled(row)
    assert (await pair.site.call("GET", f"/v1/invoices/{row.payment_hash}"))[1]["state"] == "settled"
    assert (await pair.site.call("GET", "/v1/receipt", headers=token))[1]["preimage"] == preimage
    assert south.asked("preimage") == 1
    assert (row.payment_hash in south.about, row.payment_hash in north.about) == (True, False)


async def test_every_node_is_audited_by_itself(pair: Pair) -> None:
    rows = [(await pair.buy())[0] for _ in range(3)]
    for row in rows:
        pair.pay(row)
    await pair.until_settled(*rows)
    lost = pair.south.add_invoice(preimage=b"", amount_msat=5_000, memo="lost", expiry_seconds=600)
    pair.south.pay(lost.payment_hash)
    pair.site.clock.advance(61)
    found = {}
    for node_id in ("north", "south"):
        path = f"/v1/admin/nodes/{node_id}/audit"
        found[node_id] = (await pair.site.call("GET", path, headers=pair.site.operator))[1]
    assert [found[n]["credited_msat"] for n in ("north", "south")] == [200_000, 100_000]
    assert [len(found[n]["lacking"]) for n in ("north", "south")] == [0, 1]
    body = {"payment_hash": lost.payment_hash.hex()}
    pair.north.state = NodeState.ABSENT
    status, _ = await pair.site.call("POST", "/v1/admin/suspense", json=body, headers=pair.site.operator)
    assert (status, (await pair.row(lost.payment_hash.hex())).node_id) == (201, "south")
    # The other node does not have it; the one that is away may.
    body = {"payment_hash": "00" * 32}
    for state, expected in ((NodeState.ABSENT, 503), (NodeState.READY, 404)):
        pair.north.state = state
        status, _ = await pair.site.call("POST", "/v1/admin/suspense", json=body, headers=pair.site.operator)
        assert status == expected


async def test_metrics_distinguish_nodes(pair: Pair) -> None:
    row, _ = await pair.buy_at("south")
    pair.pay(row)
    await pair.until_settled(row)
    await pair.change("north", drained=True)
    _, text = await pair.site.call("GET", "/metrics")
    assert 'tuppence_settled_total{node="south"} 1.0' in text
    assert 'tuppence_settled_total{node="north"} 0.0' in text
    assert 'tuppence_node_drained{node="north"} 1.0' in text
    assert 'tuppence_node_ready{node="south"} 1.0' in text


# Drained -------------------------------------------------------------------------------------------------------------


async def test_a_drained_node_makes_no_invoices_and_its_open_ones_are_followed(pair: Pair) -> None:
    row, _ = await pair.buy_at("north")
    node = await pair.change("north", drained=True)
    assert node["drained_at"] is not None
    assert node["open_invoices"] >= 1
    assert await pair.sellers(3) == ["south"] * 3
    pair.pay(row)
    await pair.until_settled(row)

    await pair.change("south", drained=True)
    status, refusal = await pair.site.call("POST", INVOICES)
    assert (status, refusal["code"]) == (503, "node_drained")
    status, said = await pair.site.call("GET", "/readyz")
    assert (status, said["wrong"]) == (503, ["no node may sell: every one is drained"])

    for _ in range(2):
        assert (await pair.change("north", drained=False))["drained_at"] is None
    assert await pair.sellers(2) == ["north"] * 2
    status, unknown = await pair.site.call(
        "PATCH", "/v1/admin/nodes/west", json={"drained": True}, headers=pair.site.operator
    )
    assert (status, unknown["code"]) == (404, "node_not_found")


async def test_a_node_stays_drained_over_a_restart(config: Config, clock: FakeClock, core: Simulator) -> None:
    nodes = [ObservedNode(core, node_id="north")]
    async with open_site(config, clock, core, nodes=nodes) as site:
        await site.gateway.nodes.drain("north", now=site.gateway.now())
    async with open_site(config, clock, core, nodes=nodes) as site:
        assert site.gateway.nodes["north"].drained_at == site.gateway.now()
        _, [listed] = await site.call("GET", "/v1/admin/nodes", headers=site.operator)
        assert (listed["node_id"], listed["state"], listed["open_invoices"]) == ("north", "ready", 0)
        assert listed["drained_at"] is not None


@pytest.mark.postgres
async def test_each_node_has_one_settler_among_the_replicas(cluster: Cluster, tmp_path: Path, clock: FakeClock) -> None:
    url = cluster.url(in_a_thread(cluster.emptied()))
    one, two = (
        load_config(data_dir=tmp_path / name, shared_dir=tmp_path / "shared", database_url=url, listen="127.0.0.1:80")
        for name in "ab"
    )
    async with open_pair(one, clock) as pair:
        nodes = [ObservedNode(pair.core(node_id), node_id=node_id) for node_id in ("north", "south")]
        async with open_site(two, clock, pair.north, nodes=nodes) as other:
            await until(lambda: [len(core._subscriptions) for core in (pair.north, pair.south)] == [1, 1])
            assert [lease[0] for lease in other.dump()["leases"]] == ["north", "payouts", "south"]
            await until(lambda: len(other.gateway.catalog.items()) == 1)
            rows = [await pair.row((await other.buy("welcome"))[0]["payment_hash"]) for _ in range(2)]
            assert {row.node_id for row in rows} == {"north", "south"}
            for row in rows:
                pair.pay(row)
            await pair.until_settled(*rows)


@pytest.mark.postgres
async def test_what_one_replica_drains_the_others_drain_within_two_seconds(
    cluster: Cluster, tmp_path: Path, clock: FakeClock, core: Simulator
) -> None:
    url = cluster.url(in_a_thread(cluster.emptied()))
    one, two = (
        load_config(data_dir=tmp_path / name, shared_dir=tmp_path / "shared", database_url=url, listen="127.0.0.1:80")
        for name in "ab"
    )
    async with open_site(one, clock, core) as first, open_site(two, clock, core) as second:
        await first.gateway.nodes.drain("lnd", now=1)
        await until(lambda: second.gateway.nodes["lnd"].drained_at == 1, patience_seconds=2)
        await second.gateway.nodes.undrain("lnd")
        await until(lambda: first.gateway.nodes["lnd"].drained_at is None, patience_seconds=2)
