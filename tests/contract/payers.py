"""The sides of the payers' contract suite: a simulated node with and without gRPC, and the reader of a regtest network.

Each pays the creator's node through one node between them, whose fees are LND's default.
"""

import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_bytes
from typing import Any, Protocol

from lndgrpc.compiled import invoices_pb2 as invoices
from lndgrpc.compiled import lightning_pb2 as ln

from gateway.lnd.liveness import Timing
from gateway.lnd.payments import LndPayer
from gateway.ports.payer import Payer
from gateway.regtest.credentials import bake
from gateway.regtest.network import Network as RealNetwork
from gateway.regtest.node import CALL_SECONDS, Node
from gateway.simulator.core import Simulator
from gateway.simulator.payments.in_process_payer import InProcessPayer
from gateway.simulator.payments.network import Network
from gateway.simulator.server import SimulatedLnd, serve_simulator
from gateway.wire.bolt11.reading import decode
from gateway.wire.lnd_macaroon import PAYOUTS

FUNDS_MSAT = 1_000_000_000
# A held payment keeps its call open: the deadline is this much after the time for attempts.
QUICK = Timing(after_attempts_seconds=1.0)


class ContractPayer(Protocol):
    """A payer under test, and the node of the creator that it pays."""

    payer: Payer

    async def ask(self, amount_msat: int, *, description_hash: bytes = b"") -> str:
        """The payment request of an invoice of the creator's node."""

    async def ask_itself(self) -> str:
        """The payment request of an invoice of the paying node."""

    async def hold(self, preimage: bytes) -> str:
        """The payment request of an invoice whose payment the creator's node holds."""

    async def release(self, preimage: bytes) -> None:
        """The creator's node takes what it holds."""

    async def give_back(self, preimage: bytes) -> None:
        """The creator's node refuses what it holds."""

    async def received_msat(self, payment_request: str) -> int:
        """What the creator's node was paid for its invoice."""

    async def restart(self) -> None:
        """Stop the paying node and start it; returns when it answers again."""


class SimulatedPayer:
    """A simulated node that pays another one."""

    def __init__(self, core: Simulator, creator: Simulator, payer: Payer, server: SimulatedLnd | None) -> None:
        self.payer = payer
        self._core, self._creator, self._server = core, creator, server

    async def ask(self, amount_msat: int, *, description_hash: bytes = b"") -> str:
        return self._creator.add_invoice(
            preimage=b"", amount_msat=amount_msat, memo="", expiry_seconds=600, description_hash=description_hash
        ).payment_request

    async def ask_itself(self) -> str:
        return self._core.add_invoice(preimage=b"", amount_msat=1000, memo="", expiry_seconds=600).payment_request

    async def hold(self, preimage: bytes) -> str:
        return self._creator.add_invoice(
            preimage=preimage, amount_msat=1_000_000, memo="", expiry_seconds=600, is_hold=True
        ).payment_request

    async def release(self, preimage: bytes) -> None:
        self._creator.settle_held(hashlib.sha256(preimage).digest())

    async def give_back(self, preimage: bytes) -> None:
        self._creator.cancel(hashlib.sha256(preimage).digest())

    async def received_msat(self, payment_request: str) -> int:
        return self._creator.lookup(decode(payment_request).payment_hash).paid_msat

    async def restart(self) -> None:
        if self._server is not None:
            await self._server.restart()


class RealPayer:
    """The reader of a regtest network pays the creator through the merchant."""

    def __init__(self, network: RealNetwork, payer: Payer, node: Node, creator: Node) -> None:
        self.payer = payer
        self._network, self._node, self._creator = network, node, creator

    async def ask(self, amount_msat: int, *, description_hash: bytes = b"") -> str:
        return await _add(self._creator, ln.Invoice(value_msat=amount_msat, description_hash=description_hash))

    async def ask_itself(self) -> str:
        return await _add(self._node, ln.Invoice(value_msat=1000))

    async def hold(self, preimage: bytes) -> str:
        request = invoices.AddHoldInvoiceRequest(hash=hashlib.sha256(preimage).digest(), value_msat=1_000_000)
        return str((await self._creator.invoices.AddHoldInvoice(request, timeout=CALL_SECONDS)).payment_request)

    async def release(self, preimage: bytes) -> None:
        request = invoices.SettleInvoiceMsg(preimage=preimage)
        await self._creator.invoices.SettleInvoice(request, timeout=CALL_SECONDS)

    async def give_back(self, preimage: bytes) -> None:
        request = invoices.CancelInvoiceMsg(payment_hash=hashlib.sha256(preimage).digest())
        await self._creator.invoices.CancelInvoice(request, timeout=CALL_SECONDS)

    async def received_msat(self, payment_request: str) -> int:
        request = ln.PaymentHash(r_hash=decode(payment_request).payment_hash)
        invoice = await self._creator.lightning.LookupInvoice(request, timeout=CALL_SECONDS)
        return int(invoice.amt_paid_msat)

    async def restart(self) -> None:
        await self._network.restart_node("reader")


def in_process_payer() -> ContractPayer:
    """A simulated node, driven without gRPC."""
    network = Network()
    creator = Simulator(clock=time.time, random_bytes=token_bytes, network=network)
    core = Simulator(clock=time.time, random_bytes=token_bytes, network=network, funds_msat=FUNDS_MSAT)
    return SimulatedPayer(core, creator, InProcessPayer(core), None)


@asynccontextmanager
async def simulated_payer(folder: Path) -> AsyncIterator[ContractPayer]:
    """A simulated node behind its gRPC server."""
    network = Network()
    creator = Simulator(clock=time.time, random_bytes=token_bytes, network=network)
    async with serve_simulator(folder, clock=time.time, network=network, funds_msat=FUNDS_MSAT) as server:
        payer = LndPayer(
            node_id="lnd",
            target=server.target,
            tls_cert=server.tls_cert_path,
            macaroon=server.identity.payout_macaroon_path,
            timing=QUICK,
        )
        try:
            yield SimulatedPayer(server.core, creator, payer, server)
        finally:
            await payer.close()


@asynccontextmanager
async def real_payer(network: RealNetwork, folder: Path) -> AsyncIterator[ContractPayer]:
    """The reader of a network that is up, with a macaroon baked as the gateway's is."""
    node = await network.node("reader")
    macaroon = await bake(node, PAYOUTS.needed, folder / PAYOUTS.file_name)
    admin = network.credentials("reader")
    payer = LndPayer(node_id="lnd", target=admin.target, tls_cert=admin.tls_cert, macaroon=macaroon, timing=QUICK)
    try:
        yield RealPayer(network, payer, node, await network.node("creator"))
    finally:
        await payer.close()


async def _add(node: Node, invoice: Any) -> str:
    return str((await node.lightning.AddInvoice(invoice, timeout=CALL_SECONDS)).payment_request)
