"""A node that cannot receive the amount: no invoice that nobody can pay, and its operator is told what to do."""

from collections.abc import AsyncIterator

import pytest

from gateway.app.background import BackgroundTiming
from gateway.config import Config
from gateway.errors import Unavailable
from gateway.money import Msat
from gateway.nodes.pool import NodeTiming
from gateway.ports.node import ChannelLiquidity
from gateway.simulator.core import Simulator
from tests.support.clock import FakeClock
from tests.support.nodes.two_nodes import Pair, open_pair

INVOICES = "/v1/items/welcome/invoices"
TIPS = "/v1/creators/alice/tips"


@pytest.fixture
async def pair(config: Config, clock: FakeClock) -> AsyncIterator[Pair]:
    timing = BackgroundTiming(nodes=NodeTiming(inbound_fresh_seconds=0.0))
    async with open_pair(config, clock, timing=timing) as opened:
        yield opened


async def test_a_node_that_cannot_receive_the_amount_sells_nothing_until_it_can(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    for core, inbound_msat in ((pair.north, 0), (pair.south, 99_999)):
        _receives(monkeypatch, core, inbound_msat)
    for member in pair.site.gateway.nodes:
        await member.read_inbound()
    status, said = await pair.site.call("POST", INVOICES)
    assert (status, said["code"]) == (503, "no_inbound_liquidity")
    assert "channel" in said["detail"]
    assert (await pair.site.call("POST", TIPS, json={"amount_msat": 99_000}))[0] == 201, "there is room for less"
    found = await pair.site.gateway.readiness.check()
    assert not found.ready
    for told in ("node north can receive 0 sat", "node south can receive 99 sat"):
        assert any(told in line for line in found.wrong)

    _receives(monkeypatch, pair.south, 100_000)
    assert await pair.sellers(3) == ["south"] * 3
    assert (await pair.site.gateway.readiness.check()).ready


async def test_unknown_liquidity_prevents_no_sale(pair: Pair) -> None:
    for node in pair.nodes:
        node.liquidity = _refuse  # type: ignore[method-assign]  # as a macaroon that may not ask
        pair.site.gateway.nodes[node.node_id].health.inbound_msat = 0
    assert len(await pair.sellers(2)) == 2
    assert (await pair.site.gateway.readiness.check()).ready


async def _refuse() -> ChannelLiquidity:
    raise Unavailable("node_refused", "permission denied")


def _receives(monkeypatch: pytest.MonkeyPatch, core: Simulator, inbound_msat: int) -> None:
    said = ChannelLiquidity(inbound_msat=Msat(inbound_msat), outbound_msat=Msat(0))
    monkeypatch.setattr(core, "liquidity", lambda: said)
