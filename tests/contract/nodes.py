"""The sides of the contract suite: the simulated node, and the merchant of a regtest network."""

import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import grpc
from lndgrpc.compiled import invoices_pb2, invoices_pb2_grpc, lightning_pb2, lightning_pb2_grpc, router_pb2

from gateway.lnd.client import LndNode
from gateway.regtest.network import Network
from gateway.regtest.node import Credentials
from gateway.simulator.invoice import ReplayOrder
from gateway.simulator.refusals import PaymentRefused
from gateway.simulator.server import SimulatedLnd, serve_simulator

CALL_SECONDS = 20.0
KEYSEND_RECORD = 5482373484


class NotPaid(Exception):
    """The node did not take a payment."""


class ContractNode(Protocol):
    """A node under test: through the client, through raw stubs, and from the network's side."""

    node: LndNode
    lightning: Any
    credentials: Credentials
    replay_order: ReplayOrder

    async def pay(self, payment_request: str, *, amount_msat: int | None = None) -> None:
        """Pay an invoice, or another amount than it asks for; raises NotPaid."""

    async def keysend(self, amount_msat: int) -> None:
        """Pay the node unasked."""

    async def add_held(self, preimage: bytes) -> str:
        """Another application's hold invoice; its payment request."""

    async def release_held(self, preimage: bytes) -> None:
        """That application gives the preimage."""

    async def restart(self) -> None:
        """Stop the node and start it; returns when it can be paid again."""


class SimulatedSide:
    """The simulated node over its real gRPC server."""

    replay_order = ReplayOrder.ADDED

    def __init__(self, simulated: SimulatedLnd, node: LndNode, channel: Any) -> None:
        self._simulated = simulated
        self.node = node
        self.lightning = lightning_pb2_grpc.LightningStub(channel)
        self.credentials = admin_of(simulated)

    async def pay(self, payment_request: str, *, amount_msat: int | None = None) -> None:
        rows = self._simulated.core.invoices
        payment_hash = next(row.payment_hash for row in rows if row.payment_request == payment_request)
        try:
            self._simulated.core.pay(payment_hash, amount_msat=amount_msat)
        except PaymentRefused as error:
            raise NotPaid from error

    async def keysend(self, amount_msat: int) -> None:
        self._simulated.core.keysend(amount_msat)

    async def add_held(self, preimage: bytes) -> str:
        row = self._simulated.core.add_invoice(
            preimage=preimage, amount_msat=1000, memo="held", expiry_seconds=600, is_hold=True
        )
        return row.payment_request

    async def release_held(self, preimage: bytes) -> None:
        self._simulated.core.settle_held(hashlib.sha256(preimage).digest())

    async def restart(self) -> None:
        await self._simulated.restart()


class RealSide:
    """The merchant of a regtest network; the reader pays."""

    def __init__(self, network: Network, node: LndNode, channel: Any) -> None:
        self._network = network
        self._channel = channel
        self.node = node
        self.lightning = lightning_pb2_grpc.LightningStub(channel)
        self.credentials = network.credentials("merchant")
        is_sql = network.state.backend == "sqlite"
        self.replay_order = ReplayOrder.ADDED if is_sql else ReplayOrder.SETTLED

    async def pay(self, payment_request: str, *, amount_msat: int | None = None) -> None:
        request = router_pb2.SendPaymentRequest(
            payment_request=payment_request, timeout_seconds=18, fee_limit_msat=100_000
        )
        if amount_msat is not None:
            request = await self._of_amount(payment_request, amount_msat)
        await self._send(request)

    async def keysend(self, amount_msat: int) -> None:
        preimage = hashlib.sha256(str(time.time_ns()).encode()).digest()
        merchant = await (await self._network.node("merchant")).info()
        request = router_pb2.SendPaymentRequest(
            dest=bytes.fromhex(merchant.identity_pubkey),
            amt_msat=amount_msat,
            payment_hash=hashlib.sha256(preimage).digest(),
            dest_custom_records={KEYSEND_RECORD: preimage},
            timeout_seconds=18,
            fee_limit_msat=100_000,
        )
        await self._send(request)

    async def add_held(self, preimage: bytes) -> str:
        request = invoices_pb2.AddHoldInvoiceRequest(
            hash=hashlib.sha256(preimage).digest(), value_msat=1000, memo="held", expiry=600
        )
        answer = await self._invoices().AddHoldInvoice(request, timeout=CALL_SECONDS)
        return str(answer.payment_request)

    async def release_held(self, preimage: bytes) -> None:
        await self._invoices().SettleInvoice(invoices_pb2.SettleInvoiceMsg(preimage=preimage), timeout=CALL_SECONDS)

    async def restart(self) -> None:
        await self._network.restart_node("merchant")

    def _invoices(self) -> Any:
        return invoices_pb2_grpc.InvoicesStub(self._channel)

    async def _of_amount(self, payment_request: str, amount_msat: int) -> router_pb2.SendPaymentRequest:
        reader = await self._network.node("reader")
        asked = lightning_pb2.PayReqString(pay_req=payment_request)
        invoice = await reader.lightning.DecodePayReq(asked, timeout=CALL_SECONDS)
        return router_pb2.SendPaymentRequest(
            dest=bytes.fromhex(invoice.destination),
            amt_msat=amount_msat,
            payment_hash=bytes.fromhex(invoice.payment_hash),
            payment_addr=invoice.payment_addr,
            final_cltv_delta=invoice.cltv_expiry,
            dest_features=list(invoice.features),
            timeout_seconds=18,
            fee_limit_msat=100_000,
        )

    async def _send(self, request: router_pb2.SendPaymentRequest) -> None:
        reader = await self._network.node("reader")
        async for payment in reader.router.SendPaymentV2(request, timeout=CALL_SECONDS):
            if payment.status == lightning_pb2.Payment.SUCCEEDED:
                return
        raise NotPaid


@asynccontextmanager
async def simulated_side(folder: Path) -> AsyncIterator[ContractNode]:
    """A fresh simulated node in `folder`."""
    async with serve_simulator(folder, clock=time.time) as simulated:
        credentials = Credentials(
            target=simulated.target, tls_cert=simulated.tls_cert_path, macaroon=simulated.macaroon_path
        )
        async with _client(credentials) as node, _raw(admin_of(simulated)) as channel:
            yield SimulatedSide(simulated, node, channel)


@asynccontextmanager
async def real_side(network: Network) -> AsyncIterator[ContractNode]:
    """The merchant of a network that is up, with whatever earlier tests have left on it."""
    admin = network.credentials("merchant")
    baked = Credentials(target=admin.target, tls_cert=admin.tls_cert, macaroon=network.folder / "merchant.macaroon")
    async with _client(baked) as node, _raw(admin) as channel:
        yield RealSide(network, node, channel)


def admin_of(simulated: SimulatedLnd) -> Credentials:
    """What opens every call of a simulated node."""
    return Credentials(
        target=simulated.target, tls_cert=simulated.tls_cert_path, macaroon=simulated.identity.admin_macaroon_path
    )


@asynccontextmanager
async def _client(credentials: Credentials) -> AsyncIterator[LndNode]:
    node = LndNode(
        node_id="lnd", target=credentials.target, tls_cert=credentials.tls_cert, macaroon=credentials.macaroon
    )
    try:
        yield node
    finally:
        await node.close()


@asynccontextmanager
async def _raw(credentials: Credentials) -> AsyncIterator[Any]:
    macaroon = credentials.macaroon.read_bytes().hex()
    channel_credentials = grpc.composite_channel_credentials(
        grpc.ssl_channel_credentials(credentials.tls_cert.read_bytes()),
        grpc.metadata_call_credentials(lambda _, done: done((("macaroon", macaroon),), None)),
    )
    async with grpc.aio.secure_channel(credentials.target, channel_credentials) as channel:
        yield channel
