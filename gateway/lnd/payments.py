"""The client of an LND node that pays: `ports.Payer`, with a macaroon and a connection of its own.

LND pays a payment hash once, however often it is asked (its control tower). What this client says of a payment is
therefore only ever what LND says: SUCCEEDED and FAILED are LND's words, and any other end of a call leaves it open.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import grpc
from lndgrpc.compiled import lightning_pb2 as ln
from lndgrpc.compiled import router_pb2 as router

from gateway.errors import Invalid, Unavailable
from gateway.lnd import translate
from gateway.lnd.connection import LndConnection
from gateway.money import Msat
from gateway.ports.payer import DecodedInvoice, PaymentReport, PaymentState, SentPayment
from gateway.supervise import is_being_cancelled
from gateway.wire.bolt11.reading import only_payment_hash
from gateway.wire.lnd_macaroon import PAYOUTS

MAX_PAGE = 500
ENDS = (PaymentState.SUCCEEDED, PaymentState.FAILED)
NO_ANSWER, ENDED_EARLY = "LND did not answer in time", "LND ended its answer without a word"


class LndPayer(LndConnection):
    """The right to spend at a node. Payments go on there when this is closed; their calls end as UNKNOWN or PENDING.

    A macaroon that allows more than payments, or less, is not used: every call raises `Unavailable` and says so.
    """

    _purpose = PAYOUTS

    async def decode(self, payment_request: str) -> DecodedInvoice:
        """DecodePayReq, so that what is checked is what LND would pay.

        LND is not asked about what is damaged, or has two payment hashes.
        """
        try:
            payment_hash = only_payment_hash(payment_request).hex()
        except ValueError as error:
            raise _not_an_invoice(str(error)) from error
        try:
            answer = await self._calls.ask(
                "DecodePayReq", ln.PayReqString(pay_req=payment_request), deadline=self._timing.call_seconds
            )
        except grpc.aio.AioRpcError as error:
            if translate.is_wrong_input(error):
                raise _not_an_invoice(error.details() or "") from error
            raise self._liveness.failed(error, "DecodePayReq") from error
        if payment_hash != answer.payment_hash:
            raise _not_an_invoice("LND reads another payment hash in it")
        return DecodedInvoice(
            payment_hash=payment_hash,
            payee_pubkey=answer.destination,
            amount_msat=Msat(answer.num_msat),
            created_at=answer.timestamp,
            expires_at=answer.timestamp + answer.expiry,
            description_hash=answer.description_hash,
        )

    async def send(
        self, payment_request: str, *, payment_hash: str, fee_limit_msat: Msat, timeout_seconds: int
    ) -> PaymentReport:
        """SendPaymentV2, once. Raises `Unavailable` only if there was no connection to send it on.

        LND limits its attempts, not the call, by `timeout_seconds`: while an HTLC is held, or after a failure by that
        timeout (lnd#9881), the call may stay open for ever, so it has a deadline here.
        """
        if fee_limit_msat <= 0 or timeout_seconds <= 0:
            msg = "a payment needs a fee limit and a timeout above 0"
            raise ValueError(msg)
        self._liveness.check()
        # `cancelable` stays false: LND would give the payment up when this call ends, and it may succeed all the same.
        request = router.SendPaymentRequest(
            payment_request=payment_request, timeout_seconds=timeout_seconds, fee_limit_msat=fee_limit_msat
        )
        deadline = timeout_seconds + self._timing.after_attempts_seconds
        report = None
        try:
            async with aclosing(self._updates("SendPaymentV2", request, deadline=deadline)) as updates:
                async for message in updates:
                    report = _about(payment_hash, message)
                    if report.state in ENDS:
                        break
        except grpc.aio.AioRpcError as error:
            return report or self._after_failed_send(payment_hash, error)
        return report or _unknown(payment_hash, ENDED_EARLY)

    async def track(self, payment_hash: str) -> PaymentReport:
        """TrackPaymentV2 up to its first message, which is the state now; LND would tell the changes too."""
        request = router.TrackPaymentRequest(payment_hash=bytes.fromhex(payment_hash), no_inflight_updates=False)
        try:
            self._liveness.check()
            async with aclosing(
                self._updates("TrackPaymentV2", request, deadline=self._timing.track_seconds)
            ) as updates:
                async for message in updates:
                    return _about(payment_hash, message)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return PaymentReport(payment_hash=payment_hash, state=PaymentState.MISSING)
            return _unknown(payment_hash, self._why(error, "TrackPaymentV2"))
        except Unavailable as refusal:
            return _unknown(payment_hash, refusal.detail)
        return _unknown(payment_hash, ENDED_EARLY)

    async def list_payments(self, *, after_index: int, limit: int) -> Sequence[SentPayment]:
        """ListPayments with those that failed or have not ended, oldest first, at most 500."""
        request = ln.ListPaymentsRequest(
            include_incomplete=True, index_offset=after_index, max_payments=min(limit, MAX_PAGE)
        )
        page = await self._calls.call("ListPayments", request, deadline=self._timing.page_seconds)
        return [translate.to_sent_payment(message) for message in page.payments if message.payment_index > after_index]

    async def identity_pubkey(self) -> str:
        """GetInfo."""
        info = await self._calls.call("GetInfo", ln.GetInfoRequest(), deadline=self._timing.call_seconds)
        return str(info.identity_pubkey)

    async def outbound_msat(self) -> Msat:
        """ChannelBalance: the local side of the open channels, some of which must stay there as reserve."""
        balance = await self._calls.call(
            "ChannelBalance", ln.ChannelBalanceRequest(), deadline=self._timing.call_seconds
        )
        return Msat(balance.local_balance.msat)

    # ------------------------------------------------------------------------------------------------------------------

    async def _updates(
        self, method: str, request: router.SendPaymentRequest | router.TrackPaymentRequest, *, deadline: float
    ) -> AsyncGenerator[ln.Payment]:
        """The messages of a stream about one payment. Raises AioRpcError at its deadline and when it breaks.

        If this client's connection is closed or given up meanwhile, the stream just ends.
        """
        calls = self._channel.calls()
        stream = calls.by_name[method](request, timeout=deadline, metadata=calls.metadata)
        try:
            async for message in stream:
                yield message
        except asyncio.CancelledError:
            # gRPC raises CancelledError too when its channel is closed.
            if is_being_cancelled():
                raise
        finally:
            stream.cancel()

    def _after_failed_send(self, payment_hash: str, error: grpc.aio.AioRpcError) -> PaymentReport:
        """What is known of a payment whose call failed before LND told anything of it."""
        if error.code() is grpc.StatusCode.ALREADY_EXISTS:
            return PaymentReport(payment_hash=payment_hash, state=PaymentState.PENDING, reason=error.details() or "")
        why = self._why(error, "SendPaymentV2")
        if translate.was_never_sent(error):
            self._calls.renew_if_at_fault(error)
            raise translate.unavailable(translate.NODE_AWAY, why) from error
        return _unknown(payment_hash, why)

    def _why(self, error: grpc.aio.AioRpcError, method: str) -> str:
        """What happened to a call. One about a single payment that takes too long says little about the node."""
        if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            self._liveness.probe_soon()
            return NO_ANSWER
        return self._liveness.failed(error, method).detail


def _about(payment_hash: str, message: ln.Payment) -> PaymentReport:
    """The report of a message, if it is about this payment."""
    if message.payment_hash != payment_hash:
        return _unknown(payment_hash, "LND told of another payment")
    return translate.to_payment_report(message)


def _unknown(payment_hash: str, why: str) -> PaymentReport:
    return PaymentReport(payment_hash=payment_hash, state=PaymentState.UNKNOWN, reason=why)


def _not_an_invoice(why: str) -> Invalid:
    return Invalid("invoice_invalid", f"the node does not read this invoice: {why}")
