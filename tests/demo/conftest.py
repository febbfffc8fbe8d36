"""The demo on a simulated node, and a node of its creators."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from gateway.app.assemble import open_gateway
from gateway.app.background import BACKGROUND_TIMING
from gateway.config import Config
from gateway.demo.content import seed
from gateway.demo.settlement_times import SettlementTimes
from gateway.demo.simulated_payee import serve_simulated_payee
from gateway.demo.simulated_wallet import SimulatedWallet
from gateway.demo.site import add_demo
from gateway.simulator.core import Simulator
from gateway.simulator.in_process_node import InProcessNode
from gateway.simulator.payments.in_process_payer import InProcessPayer
from gateway.web.serve import build_app
from tests.support.clock import FakeClock
from tests.support.site import Site, serve_app

BALANCE_MSAT = 10_000_000
NOBODY = "127.0.0.1:1"


@pytest.fixture
async def payee_host(core: Simulator, clock: FakeClock, tmp_path: Path) -> AsyncIterator[str]:
    """The host of the creators' addresses."""
    async with serve_simulated_payee(core, tmp_path, clock=clock) as host:
        yield host


@pytest.fixture
def config(config: Config, payee_host: str) -> Config:
    """A gateway that may ask this host for invoices, and another one where nobody answers."""
    return config.model_copy(update={"outgoing_allow": (payee_host, NOBODY)})


@pytest.fixture
async def demo(config: Config, clock: FakeClock, core: Simulator, payee_host: str) -> AsyncIterator[Site]:
    """The demo with its wallet, its essay and its file."""
    times, timing = SettlementTimes(), replace(BACKGROUND_TIMING, payouts_every_seconds=0.05)
    nodes, payers = [InProcessNode(core)], [InProcessPayer(core)]
    opened = open_gateway(config, clock=clock, nodes=nodes, payers=payers, announcers=[times], timing=timing)
    async with opened as gateway:
        await seed(gateway, payee_host=payee_host)
        app = build_app(gateway)
        add_demo(app, SimulatedWallet(core, balance_msat=BALANCE_MSAT), gateway, times, "demo")
        async with serve_app(app) as url, aiohttp.ClientSession() as session:
            yield Site(gateway, core, clock, url, session)
