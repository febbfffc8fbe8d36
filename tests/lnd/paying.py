"""A simulated node that pays, its client behind a proxy, and the creator's node that is paid."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes

from gateway.lnd.liveness import Timing
from gateway.lnd.payments import LndPayer
from gateway.money import Msat
from gateway.ports.payer import PaymentReport, PaymentState
from gateway.simulator.core import Simulator
from gateway.simulator.payments.network import Network
from gateway.simulator.payments.payment import Plan
from gateway.simulator.server import SimulatedLnd, serve_simulator
from gateway.wire.bolt11.reading import decode
from tests.support.clock import FakeClock
from tests.support.tcp_proxy import TcpProxy, tcp_proxy

QUICK = Timing(track_seconds=2, after_attempts_seconds=1, probe_seconds=1, probe_interval_seconds=0.05)


@dataclass(slots=True)
class World:
    """A node that pays, the creator's that is paid, and a client behind a proxy."""

    clock: FakeClock
    node: SimulatedLnd
    creator: Simulator
    proxy: TcpProxy
    payer: LndPayer

    def plan(self, plan: Plan) -> None:
        self.node.core.payments.plan = lambda: plan

    def ask(self) -> str:
        return self.creator.add_invoice(
            preimage=b"", amount_msat=1_000_000, memo="", expiry_seconds=600
        ).payment_request

    async def send(self, text: str, *, timeout_seconds: int = 1) -> PaymentReport:
        report = await self.payer.send(
            text, payment_hash=hash_of(text), fee_limit_msat=Msat(10_000), timeout_seconds=timeout_seconds
        )
        assert report.payment_hash == hash_of(text)
        return report

    async def track(self, text: str) -> PaymentState:
        return (await self.payer.track(hash_of(text))).state

    def received_msat(self) -> int:
        return self.creator.liquidity().outbound_msat


def hash_of(payment_request: str) -> str:
    return decode(payment_request).payment_hash.hex()


@asynccontextmanager
async def payer_of(node: SimulatedLnd, target: str, macaroon: Path) -> AsyncIterator[LndPayer]:
    payer = LndPayer(
        node_id="lnd", target=target, tls_cert=node.identity.tls_cert_path, macaroon=macaroon, timing=QUICK
    )
    try:
        yield payer
    finally:
        await payer.close()


@asynccontextmanager
async def open_world(folder: Path) -> AsyncIterator[World]:
    # The node's certificate is valid from now on, by the real clock.
    clock, network = FakeClock(time.time()), Network()
    creator = Simulator(clock=clock, random_bytes=token_bytes, network=network)
    async with (
        serve_simulator(folder, clock=clock, network=network, funds_msat=100_000_000) as node,
        tcp_proxy(node.target) as proxy,
        payer_of(node, proxy.target, node.identity.payout_macaroon_path) as payer,
    ):
        yield World(clock, node, creator, proxy, payer)
