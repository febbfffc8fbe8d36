"""Nodes that are swapped or renamed in the configuration are refused, and change no invoice."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from secrets import token_bytes

import pytest

from gateway.config import Config, load_config
from gateway.errors import Unavailable
from gateway.money import Msat
from gateway.nodes.pool import Nodes, NodeTiming
from gateway.ports.node import NodeState, NodeStatus
from gateway.simulator.core import Simulator
from gateway.simulator.in_process_node import InProcessNode
from gateway.store.engines.database import Database
from tests.support.clock import FakeClock, until
from tests.support.nodes.observed_node import ObservedNode
from tests.support.nodes.two_nodes import Pair, open_pair
from tests.support.site import QUICK_RETRIES, open_site

pytestmark = pytest.mark.both_databases

INVOICES = "/v1/items/welcome/invoices"


@pytest.fixture
async def pair(config: Config, clock: FakeClock) -> AsyncIterator[Pair]:
    async with open_pair(config, clock, timing=QUICK_RETRIES) as opened:
        yield opened


@pytest.fixture
def elsewhere(config: Config) -> Config:
    """Another gateway on the same books."""
    return load_config(
        data_dir=config.data_dir.parent / "elsewhere",
        shared_dir=config.shared_folder,
        database_url=config.database_url,
        listen="127.0.0.1:80",
    )


async def test_nodes_that_were_swapped_in_the_file_sell_nothing_and_conclude_nothing(
    pair: Pair, elsewhere: Config, clock: FakeClock
) -> None:
    rows = [(await pair.buy())[0] for _ in range(2)]
    swapped = [ObservedNode(pair.south, node_id="north"), ObservedNode(pair.north, node_id="south")]
    pair.north.state = pair.south.state = NodeState.ABSENT
    async with open_site(elsewhere, clock, pair.north, nodes=swapped) as site:
        clock.advance(10_000)
        pair.north.state = pair.south.state = NodeState.READY

        async def is_told() -> bool:
            wrong = (await site.call("GET", "/readyz"))[1]["wrong"]
            return any("north is the node that the books know as south" in sentence for sentence in wrong)

        await until(is_told)
        status, refusal = await site.call("POST", INVOICES)
        assert (status, refusal["code"]) == (503, "node_changed")
        _, listed = await site.call("GET", "/v1/admin/nodes", headers=site.operator)
        assert [node["state"] for node in listed] == ["refused", "refused"]
    assert all(node.asked("add_invoice", "list_invoices", "lookup") == 0 for node in swapped)
    assert len({row.node_id for row in rows}) == 2


async def test_a_node_that_becomes_another_while_the_gateway_runs_sells_no_more(
    config: Config, clock: FakeClock
) -> None:
    often = replace(QUICK_RETRIES, nodes=NodeTiming(watch_every_seconds=0.01))
    async with open_pair(config, clock, timing=often) as pair:
        first = pair.nodes[0]._core
        replacement = pair.nodes[0]._core = Simulator(clock=clock, random_bytes=token_bytes)
        # The stream of the first goes on: only the regular check notices.
        await until(lambda: pair.site.gateway.nodes["north"].health.state is NodeState.ABSENT, patience_seconds=30)
        assert await pair.sellers(3) == ["south"] * 3
        assert [*replacement.invoices] == []
        pair.nodes[0]._core = first
        await until(lambda: pair.site.gateway.nodes["north"].health.state is NodeState.READY)
        assert "north" in await pair.sellers(2)


async def test_a_known_node_under_a_new_name_is_refused_and_one_that_is_gone_is_listed(
    pair: Pair, elsewhere: Config, clock: FakeClock
) -> None:
    row, _ = await pair.buy_at("north")
    renamed = [ObservedNode(pair.south, node_id="south"), ObservedNode(pair.north, node_id="arctic")]
    async with open_site(elsewhere, clock, pair.north, nodes=renamed) as site:
        for _ in range(3):
            await site.buy("welcome")
        assert renamed[1].asked("add_invoice") == 0
        _, listed = await site.call("GET", "/v1/admin/nodes", headers=site.operator)
        assert {node["node_id"]: node["state"] for node in listed} == {
            "south": "ready",
            "arctic": "refused",
            "north": "unknown",
        }
        assert "the books know as north" in listed[1]["detail"]
        status, shown = await site.call("GET", f"/v1/invoices/{row.payment_hash}")
        assert (status, shown["state"]) == (200, "open")


async def test_a_sale_does_not_wait_for_a_silent_node_to_say_who_it_is(store: Database, core: Simulator) -> None:
    class Silent(InProcessNode):
        async def status(self) -> NodeStatus:
            await asyncio.Event().wait()
            raise AssertionError

    silent = Nodes([Silent(core)], store, timing=NodeTiming(confirmed_within_seconds=0.05))
    with pytest.raises(Unavailable) as refusal:
        await silent.add_invoice(lambda: token_bytes(32), amount_msat=Msat(1_000), memo="", expiry_seconds=60)
    assert refusal.value.code == "node_away"
    assert list(core.invoices) == []
