"""The simulated node as a gRPC server: TLS, macaroons and LND's messages on top of the core."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import Message
from lndgrpc.compiled import invoices_pb2 as invoices
from lndgrpc.compiled import lightning_pb2 as ln
from lndgrpc.compiled import stateservice_pb2 as state

from gateway.ports.clock import Clock
from gateway.ports.node import NodeState
from gateway.ports.random_bytes import RandomBytes
from gateway.simulator.core import Simulator
from gateway.simulator.identity import Identity
from gateway.simulator.invoice import SimulatedInvoice
from gateway.simulator.journal import Journal
from gateway.simulator.messages import Messages
from gateway.simulator.payments.network import Network
from gateway.simulator.payments.payment import SimulatedPayment
from gateway.simulator.payments.server import PaymentServer
from gateway.simulator.refusals import CallRefused, refuse

DEFAULT_PAGE = 100
HASH_BYTES = 32

_WALLET_STATES = {
    NodeState.ABSENT: state.WAITING_TO_START,
    NodeState.LOCKED: state.LOCKED,
    NodeState.STARTING: state.RPC_ACTIVE,
    NodeState.SYNCING: state.SERVER_ACTIVE,
    NodeState.READY: state.SERVER_ACTIVE,
}


@asynccontextmanager
async def serve_simulator(
    folder: Path,
    *,
    clock: Clock,
    random_bytes: RandomBytes = secrets.token_bytes,
    listen: str = "127.0.0.1:0",
    network: Network | None = None,
    funds_msat: int = 0,
) -> AsyncIterator["SimulatedLnd"]:
    """Serve a simulated node whose keys, invoices and payments are in `folder`.

    `listen` is host:port, port 0 any free one. `network` and `funds_msat` are the core's.
    """
    simulated = SimulatedLnd(
        folder, clock=clock, random_bytes=random_bytes, listen=listen, network=network, funds_msat=funds_msat
    )
    await simulated.start()
    try:
        yield simulated
    finally:
        await simulated.close()


class SimulatedLnd:
    """The server and its switches. `core` takes payments and quirks; `latency_seconds` slows a call by its name.

    `target` is where it listens, once started; the port stays the same over restarts.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clock: Clock,
        random_bytes: RandomBytes,
        listen: str,
        network: Network | None = None,
        funds_msat: int = 0,
    ) -> None:
        self._clock = clock
        self.identity = Identity(folder, random_bytes=random_bytes, now=clock())
        self._journal = Journal(folder / "invoices.jsonl", SimulatedInvoice)
        self._payment_journal = Journal(folder / "payments.jsonl", SimulatedPayment)
        self.core = Simulator(
            clock=clock,
            random_bytes=random_bytes,
            key=self.identity.key,
            network=network,
            funds_msat=funds_msat,
            record=self._journal.record,
            record_payment=self._payment_journal.record,
        )
        self.core.restore(self._journal.rows())
        self.core.payments.restore(self._payment_journal.rows())
        self.target = listen
        self.latency_seconds: dict[str, float] = {}
        self._messages = Messages(self.core)
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._payments = PaymentServer(self.core, admit=self._admit, flowing=self._flowing)
        self._server: Any = None

    @property
    def tls_cert_path(self) -> Path:
        """The path of the certificate for clients."""
        return self.identity.tls_cert_path

    @property
    def macaroon_path(self) -> Path:
        """The path of a macaroon that allows what the gateway needs to sell; `identity` has others."""
        return self.identity.macaroon_path

    async def start(self) -> None:
        """Listen, with the certificate that is now in the folder."""
        pair = (self.identity.tls_key_path.read_bytes(), self.identity.tls_cert_path.read_bytes())
        server = grpc.aio.server()
        server.add_generic_rpc_handlers(self._handlers())
        port = server.add_secure_port(self.target, grpc.ssl_server_credentials([pair]))
        host, _, _ = self.target.rpartition(":")
        self.target = f"{host}:{port}"
        await server.start()
        self._server = server

    async def stop(self) -> None:
        """Stop listening and break streams and calls. The core stays, and its invoices can still be paid."""
        if self._server is not None:
            server, self._server = self._server, None
            self.core.restart()
            await server.stop(None)

    async def restart(self) -> None:
        """Stop and listen again at the same port."""
        await self.stop()
        await self.start()

    async def close(self) -> None:
        """Stop for good."""
        await self.stop()
        self._journal.close()
        self._payment_journal.close()

    def renew_certificate(self) -> None:
        """Write a new certificate, used from the next restart on."""
        self.identity.renew_certificate(now=self._clock())

    def stall(self) -> None:
        """Become a black hole: connections stay open, but no call is answered and streams are silent."""
        self._flowing.clear()

    def resume(self) -> None:
        """Answer again, first the calls that waited."""
        self._flowing.set()

    # Calls ------------------------------------------------------------------------------------------------------------

    def _handlers(self) -> tuple[Any, ...]:
        lightning = {
            "AddInvoice": self._unary("/lnrpc.Lightning/AddInvoice", self._add_invoice, ln.Invoice),
            "LookupInvoice": self._unary("/lnrpc.Lightning/LookupInvoice", self._lookup, ln.PaymentHash),
            "ListInvoices": self._unary("/lnrpc.Lightning/ListInvoices", self._list, ln.ListInvoiceRequest),
            "GetInfo": self._unary("/lnrpc.Lightning/GetInfo", self._get_info, ln.GetInfoRequest),
            "ChannelBalance": self._unary("/lnrpc.Lightning/ChannelBalance", self._balance, ln.ChannelBalanceRequest),
            "DecodePayReq": self._unary("/lnrpc.Lightning/DecodePayReq", self._payments.decode, ln.PayReqString),
            "ListPayments": self._unary(
                "/lnrpc.Lightning/ListPayments", self._payments.list_payments, ln.ListPaymentsRequest
            ),
            "SubscribeInvoices": grpc.unary_stream_rpc_method_handler(
                self._subscribe, request_deserializer=ln.InvoiceSubscription.FromString
            ),
        }
        cancel = self._unary("/invoicesrpc.Invoices/CancelInvoice", self._cancel, invoices.CancelInvoiceMsg)
        get_state = grpc.unary_unary_rpc_method_handler(
            self._get_state, request_deserializer=state.GetStateRequest.FromString
        )
        return (
            grpc.method_handlers_generic_handler("lnrpc.Lightning", lightning),
            grpc.method_handlers_generic_handler("invoicesrpc.Invoices", {"CancelInvoice": cancel}),
            grpc.method_handlers_generic_handler("routerrpc.Router", self._payments.router()),
            grpc.method_handlers_generic_handler("lnrpc.State", {"GetState": get_state}),
        )

    def _unary(
        self, method: str, answer: Callable[[Message], Awaitable[bytes]], request_type: type[Message]
    ) -> grpc.RpcMethodHandler:
        async def handle(request: Message, context: grpc.aio.ServicerContext) -> bytes:
            try:
                await self._admit(method, context)
                return await answer(request)
            except CallRefused as refusal:
                await context.abort(grpc.StatusCode[refusal.status], refusal.details)
                raise

        return grpc.unary_unary_rpc_method_handler(handle, request_deserializer=request_type.FromString)

    async def _admit(self, method: str, context: grpc.aio.ServicerContext) -> None:
        """Check state, then macaroon, as LND does before every call (rpcperms/interceptor.go)."""
        await self._flowing.wait()
        latency = self.latency_seconds.get(method.rpartition("/")[2])
        if latency:
            await asyncio.sleep(latency)
        self.core.check_ready()
        self.identity.check([value for key, value in context.invocation_metadata() if key == "macaroon"], method)

    async def _add_invoice(self, request: ln.Invoice) -> bytes:
        if request.value and request.value_msat:
            raise refuse("sat and msat arguments are mutually exclusive")
        row = self.core.add_invoice(
            preimage=request.r_preimage,
            amount_msat=request.value_msat or request.value * 1000,
            memo=request.memo,
            expiry_seconds=request.expiry,
            private=request.private,
            description_hash=request.description_hash,
        )
        if self.core.quirks.lose_answers:
            self.core.quirks.lose_answers -= 1
            await asyncio.Event().wait()
        if self.core.quirks.break_answers:
            self.core.quirks.break_answers -= 1
            raise CallRefused("UNAVAILABLE", "error reading from server: EOF")
        answer = ln.AddInvoiceResponse(
            r_hash=row.payment_hash,
            payment_request=row.payment_request,
            add_index=row.add_index,
            payment_addr=row.payment_address,
        )
        return bytes(answer.SerializeToString())

    async def _lookup(self, request: ln.PaymentHash) -> bytes:
        payment_hash = request.r_hash or bytes.fromhex(request.r_hash_str)
        if len(payment_hash) != HASH_BYTES:
            size = len(payment_hash)
            raise refuse(f"payment hash must be exactly {HASH_BYTES} bytes, is instead {size}")
        return self._messages.invoice(self.core.lookup(payment_hash))

    async def _list(self, request: ln.ListInvoiceRequest) -> bytes:
        rows = self.core.list_invoices(
            index_offset=request.index_offset,
            limit=request.num_max_invoices or DEFAULT_PAGE,
            is_reversed=request.reversed,
            pending_only=request.pending_only,
        )
        return self._messages.page(rows)

    async def _cancel(self, request: invoices.CancelInvoiceMsg) -> bytes:
        self.core.cancel(request.payment_hash)
        return b""

    async def _get_info(self, _: ln.GetInfoRequest) -> bytes:
        status = self.core.status()
        info = ln.GetInfoResponse(
            identity_pubkey=status.identity_pubkey,
            alias=status.alias,
            version=status.version,
            chains=[ln.Chain(chain="bitcoin", network=status.network)],
            block_height=status.block_height,
            best_header_timestamp=status.best_header_at,
            synced_to_chain=status.state is NodeState.READY,
            synced_to_graph=True,
        )
        return bytes(info.SerializeToString())

    async def _balance(self, _: ln.ChannelBalanceRequest) -> bytes:
        liquidity = self.core.liquidity()
        balance = ln.ChannelBalanceResponse(
            local_balance=ln.Amount(sat=liquidity.outbound_msat // 1000, msat=liquidity.outbound_msat),
            remote_balance=ln.Amount(sat=liquidity.inbound_msat // 1000, msat=liquidity.inbound_msat),
        )
        return bytes(balance.SerializeToString())

    async def _get_state(self, _: state.GetStateRequest, __: grpc.aio.ServicerContext) -> bytes:
        await self._flowing.wait()
        is_new = self.core.state is NodeState.LOCKED and not self.core.quirks.has_wallet
        wallet_state = state.NON_EXISTING if is_new else _WALLET_STATES[self.core.state]
        return bytes(state.GetStateResponse(state=wallet_state).SerializeToString())

    async def _subscribe(
        self, request: ln.InvoiceSubscription, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[bytes]:
        try:
            await self._admit("/lnrpc.Lightning/SubscribeInvoices", context)
        except CallRefused as refusal:
            await context.abort(grpc.StatusCode[refusal.status], refusal.details)
        changed = asyncio.Event()
        subscription = self.core.subscribe(
            add_index=request.add_index, settle_index=request.settle_index, wake=changed.set
        )
        try:
            while not subscription.broken:
                changed.clear()
                while (row := subscription.take()) is not None:
                    await self._flowing.wait()
                    yield self._messages.invoice(row)
                await changed.wait()
        finally:
            # LND ends its streams with OK when it is shut down.
            self.core.unsubscribe(subscription)
