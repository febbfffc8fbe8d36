"""The RPCs of the simulated node that pays: SendPaymentV2, TrackPaymentV2, ListPayments and DecodePayReq over gRPC."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import grpc
from google.protobuf.message import Message
from lndgrpc.compiled import lightning_pb2 as ln
from lndgrpc.compiled import router_pb2 as router

from gateway.simulator.core import Simulator
from gateway.simulator.payments.payment import PaymentStatus, SimulatedPayment
from gateway.simulator.refusals import CallRefused, refuse

SEND, TRACK = "/routerrpc.Router/SendPaymentV2", "/routerrpc.Router/TrackPaymentV2"
DEFAULT_PAGE = 100
NANOSECONDS = 1_000_000_000
# A payment in flight may end by the clock, or by its payee's hand, without a word from the core.
LOOK_SECONDS = 0.05

Admit = Callable[[str, grpc.aio.ServicerContext], Awaitable[None]]


class PaymentServer:
    """The calls about payments. `admit` lets a call in or raises `CallRefused`; `flowing` is clear in a black hole."""

    def __init__(self, core: Simulator, *, admit: Admit, flowing: asyncio.Event) -> None:
        self._core = core
        self._admit = admit
        self._flowing = flowing

    def router(self) -> dict[str, grpc.RpcMethodHandler]:
        """The handlers of the router's streams, by method."""
        return {
            "SendPaymentV2": self._stream(SEND, self._send, router.SendPaymentRequest),
            "TrackPaymentV2": self._stream(TRACK, self._track, router.TrackPaymentRequest),
        }

    async def decode(self, request: ln.PayReqString) -> bytes:
        """DecodePayReq."""
        invoice, payee = self._core.payments.decode(request.pay_req)
        amount_msat = invoice.amount_msat or 0
        answer = ln.PayReq(
            destination=payee.hex(),
            payment_hash=invoice.payment_hash.hex(),
            num_satoshis=amount_msat // 1000,
            num_msat=amount_msat,
            timestamp=invoice.created_at,
            expiry=invoice.expiry_seconds,
            description=invoice.description,
            description_hash=invoice.description_hash.hex(),
            payment_addr=invoice.payment_secret,
        )
        return bytes(answer.SerializeToString())

    async def list_payments(self, request: ln.ListPaymentsRequest) -> bytes:
        """ListPayments, forwards."""
        if request.reversed:
            raise refuse("the simulated node lists payments forwards only")
        rows = self._core.payments.page(
            index_offset=request.index_offset,
            limit=request.max_payments or DEFAULT_PAGE,
            include_incomplete=request.include_incomplete,
        )
        answer = ln.ListPaymentsResponse(
            payments=[_to_message(row) for row in rows],
            first_index_offset=rows[0].index if rows else 0,
            last_index_offset=rows[-1].index if rows else 0,
        )
        return bytes(answer.SerializeToString())

    def _stream(
        self, method: str, answer: Callable[[Message], AsyncIterator[ln.Payment]], request_type: type[Message]
    ) -> grpc.RpcMethodHandler:
        async def handle(request: Message, context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
            try:
                await self._admit(method, context)
                async for message in answer(request):
                    await self._flowing.wait()
                    for _ in range(2 if self._core.payments.repeat_updates else 1):
                        yield bytes(message.SerializeToString())
            except CallRefused as refusal:
                await context.abort(grpc.StatusCode[refusal.status], refusal.details)

        return grpc.unary_stream_rpc_method_handler(handle, request_deserializer=request_type.FromString)

    def _send(self, request: Any) -> AsyncIterator[ln.Payment]:
        fee_limit_msat = request.fee_limit_msat or request.fee_limit_sat * 1000
        if fee_limit_msat < 0:
            raise refuse("amount cannot be negative")
        told = self._core.payments.send(request.payment_request, fee_limit_msat=fee_limit_msat)
        if not told:
            return _silence()
        invoice, _ = self._core.payments.decode(request.payment_request)
        return self._updates(invoice.payment_hash, is_quiet=request.no_inflight_updates)

    def _track(self, request: Any) -> AsyncIterator[ln.Payment]:
        told = self._core.payments.track(request.payment_hash)
        return self._updates(request.payment_hash, is_quiet=request.no_inflight_updates) if told else _silence()

    async def _updates(self, payment_hash: bytes, *, is_quiet: bool) -> AsyncIterator[ln.Payment]:
        """The state now, then every change up to the end; `is_quiet`: only the end."""
        payments, changed = self._core.payments, asyncio.Event()
        payments.watch(changed.set)
        try:
            told = None
            while told is None or told.is_pending:
                changed.clear()
                row = payments.lookup(payment_hash)
                if row is told:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(changed.wait(), LOOK_SECONDS)
                    continue
                told = row
                if not (row.is_pending and is_quiet):
                    yield _to_message(row)
        finally:
            payments.unwatch(changed.set)


async def _silence() -> AsyncIterator[ln.Payment]:
    """A stream that says nothing and does not end."""
    await asyncio.Event().wait()
    yield ln.Payment()


def _to_message(row: SimulatedPayment) -> ln.Payment:
    fee_msat = row.fee_msat if row.status is PaymentStatus.SUCCEEDED else 0
    return ln.Payment(
        payment_hash=row.payment_hash.hex(),
        payment_request=row.payment_request,
        payment_preimage=(row.preimage or bytes(32)).hex(),
        value_msat=row.amount_msat,
        value_sat=row.amount_msat // 1000,
        fee_msat=fee_msat,
        fee_sat=fee_msat // 1000,
        creation_time_ns=row.created_at * NANOSECONDS,
        payment_index=row.index,
        status=int(row.status),
        failure_reason=int(row.reason),
    )
