"""The readiness check asks every part, and says what is wrong in sentences for the operator."""

import asyncio
from pathlib import Path

import pytest

from gateway.app.assemble import open_gateway
from gateway.config import load_config
from gateway.errors import Unavailable
from gateway.ports.node import NodeState, NodeStatus
from gateway.simulator.core import Simulator
from tests.support.clock import FakeClock, until
from tests.support.nodes.observed_node import ObservedNode
from tests.support.site import Site

pytestmark = pytest.mark.both_databases


async def test_a_gateway_that_lacks_nothing_is_ready(site: Site) -> None:
    assert await site.call("GET", "/readyz") == (200, {"ready": True, "wrong": []})


async def test_however_many_ask_the_node_is_asked_once_in_a_second(
    tmp_path: Path, clock: FakeClock, core: Simulator
) -> None:
    node = ObservedNode(core)
    async with open_gateway(load_config(data_dir=tmp_path), clock=clock, nodes=[node], background=False) as gateway:
        node.calls.clear()
        found = await asyncio.gather(*(gateway.readiness.recent() for _ in range(50)))
        assert node.asked("status") == 1
        assert all(each.ready for each in found)
        core.state = NodeState.SYNCING

        async def is_noticed() -> bool:
            return not (await gateway.readiness.recent()).ready

        await until(is_noticed)
        assert node.asked("status") == 2


async def test_a_database_that_is_away_is_told(tmp_path: Path, clock: FakeClock, core: Simulator) -> None:
    node = ObservedNode(core)
    async with open_gateway(load_config(data_dir=tmp_path), clock=clock, nodes=[node], background=False) as gateway:
        assert (await gateway.readiness.check()).ready
        await gateway.store._store.close()  # type: ignore[attr-defined]  # behind the meter
        found = await gateway.readiness.check()
    assert (found.ready, len(found.wrong)) == (False, 1)
    assert "nothing was written" in found.wrong[0]


async def test_a_gateway_without_a_node_is_not_ready(tmp_path: Path, clock: FakeClock) -> None:
    async with open_gateway(load_config(data_dir=tmp_path), clock=clock, background=False) as gateway:
        found = await gateway.readiness.check()
    assert (found.ready, found.wrong) == (False, ["no node is configured"])


async def test_a_node_that_refuses_or_is_not_ready_is_named(tmp_path: Path, clock: FakeClock, core: Simulator) -> None:
    node = ObservedNode(core, node_id="north")
    async with open_gateway(load_config(data_dir=tmp_path), clock=clock, nodes=[node], background=False) as gateway:
        core.state = NodeState.SYNCING
        assert (await gateway.readiness.check()).wrong == ["node north is syncing: the simulated node is syncing"]
        core.state = NodeState.READY
        node.status = _refuse  # type: ignore[method-assign]  # as a node whose macaroon was revoked
        assert (await gateway.readiness.check()).wrong == ["node north: The macaroon is not accepted."]


async def _refuse() -> NodeStatus:
    raise Unavailable("node_refused", "The macaroon is not accepted.")
