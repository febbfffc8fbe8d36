"""A simulated LND that serves gRPC, and the gateway's client of it."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.lnd.client import LndNode
from gateway.simulator.server import SimulatedLnd, serve_simulator
from tests.support.nodes.lnd_client import client


@pytest.fixture
async def simulated(tmp_path: Path) -> AsyncIterator[SimulatedLnd]:
    async with serve_simulator(tmp_path / "lnd", clock=time.time) as server:
        yield server


@pytest.fixture
async def node(simulated: SimulatedLnd) -> AsyncIterator[LndNode]:
    async with client(simulated) as node:
        yield node
