"""The reader's wallet on a real LND node. It never reports a payment as failed that may have happened."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn, Self

import grpc
from lndgrpc.compiled import lightning_pb2, router_pb2

from gateway.demo.wallet import (
    AlreadyPaid,
    DecodedInvoice,
    InvalidInvoice,
    InvoiceExpired,
    NoRoute,
    OutcomeUnknown,
    WalletAway,
)
from gateway.regtest.credentials import WALLET_ENV, WALLET_PREFIX, read_credentials
from gateway.regtest.node import Credentials, Node

# LND starts no new attempt after the first limit, but may keep the call open for ever; the second ends the call.
ATTEMPT_SECONDS = 18
PAY_SECONDS = 22.0
TRACK_SECONDS = 3.0
LOOK_SECONDS = 5.0
FEE_LIMIT_DIVISOR = 20
LEAST_FEE_LIMIT_MSAT = 5_000
AGAIN_IS_SAFE = "paying the same invoice from this wallet again cannot pay it twice"


class LndWallet:
    """Pays from an LND node, any number of payments concurrently."""

    def __init__(
        self, credentials: Credentials, *, pay_seconds: float = PAY_SECONDS, track_seconds: float = TRACK_SECONDS
    ) -> None:
        """Opens no socket yet. Raises FileNotFoundError if certificate or macaroon is missing."""
        self._node = Node(credentials)
        self._pay_seconds, self._track_seconds = pay_seconds, track_seconds

    @classmethod
    def of_network(
        cls, folder: Path, *, pay_seconds: float = PAY_SECONDS, track_seconds: float = TRACK_SECONDS
    ) -> Self:
        """The reader's wallet of the network in this folder. Raises RegtestError if there is none."""
        credentials = read_credentials(folder / WALLET_ENV, WALLET_PREFIX)
        return cls(credentials, pay_seconds=pay_seconds, track_seconds=track_seconds)

    async def __aenter__(self) -> Self:
        """Enter the context, which closes the connection at its end."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connection."""
        await self.close()

    async def close(self) -> None:
        """Close the connection; payments in flight continue in the node."""
        await self._node.close()

    async def pay(self, payment_request: str) -> str:
        """Pay the invoice; returns the preimage in hex within 30 s. Raises as `gateway.demo.wallet.Wallet` does."""
        invoice = await self.decode(payment_request)
        request = router_pb2.SendPaymentRequest(
            payment_request=payment_request,
            timeout_seconds=ATTEMPT_SECONDS,
            fee_limit_msat=max(invoice.amount_msat // FEE_LIMIT_DIVISOR, LEAST_FEE_LIMIT_MSAT),
            no_inflight_updates=True,
        )
        try:
            payment = await _last(self._node.router.SendPaymentV2(request, timeout=self._pay_seconds))
        except grpc.aio.AioRpcError as error:
            payment = await self._after_error(invoice, error)
        return preimage_of(payment)

    async def balance_msat(self) -> int:
        """The amount that the node's channels can send, in msat. Raises WalletAway if it does not answer."""
        try:
            answer = await self._node.lightning.ChannelBalance(
                lightning_pb2.ChannelBalanceRequest(), timeout=LOOK_SECONDS
            )
        except grpc.aio.AioRpcError as error:
            _raise_away(error)
        return int(answer.local_balance.msat)

    async def decode(self, payment_request: str) -> DecodedInvoice:
        """Decode an invoice. Raises InvalidInvoice, also for one without an amount, and WalletAway."""
        request = lightning_pb2.PayReqString(pay_req=payment_request)
        try:
            answer = await self._node.lightning.DecodePayReq(request, timeout=LOOK_SECONDS)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNKNOWN:
                _raise_away(error)
            raise InvalidInvoice(f"This is not an invoice of this network: {error.details()}") from error
        if answer.num_msat <= 0:
            raise InvalidInvoice("This invoice names no amount: ask the payee for one that does.")
        return DecodedInvoice(
            payment_hash=answer.payment_hash,
            amount_msat=answer.num_msat,
            payee=answer.destination,
            description=answer.description,
            expires_at=datetime.fromtimestamp(answer.timestamp, UTC) + timedelta(seconds=answer.expiry),
        )

    async def _after_error(self, invoice: DecodedInvoice, error: grpc.aio.AioRpcError) -> Any:
        """Look up a payment whose call failed; returns it if it is final, else raises a WalletError."""
        if error.code() is grpc.StatusCode.ALREADY_EXISTS:
            earlier = await self._track(invoice)
            if earlier.status == lightning_pb2.Payment.SUCCEEDED:
                raise AlreadyPaid("This invoice was paid before, from this wallet.") from error
            return earlier
        if error.code() is grpc.StatusCode.UNKNOWN and "invoice expired" in (error.details() or ""):
            raise InvoiceExpired(
                f"This invoice has expired ({invoice.expires_at:%H:%M:%S} UTC): ask for a new one."
            ) from error
        return await self._track(invoice)

    async def _track(self, invoice: DecodedInvoice) -> Any:
        request = router_pb2.TrackPaymentRequest(
            payment_hash=bytes.fromhex(invoice.payment_hash), no_inflight_updates=True
        )
        try:
            return await _last(self._node.router.TrackPaymentV2(request, timeout=self._track_seconds))
        except grpc.aio.AioRpcError as error:
            # Not even NotFound means that nothing was sent: the request may still arrive at the node.
            raise OutcomeUnknown(
                f"Whether this payment went through is not known yet ({error.code().name}); {AGAIN_IS_SAFE}."
            ) from error


def preimage_of(payment: Any) -> str:
    """The preimage of a payment that succeeded; raises a WalletError for any other."""
    if payment is not None and payment.status == lightning_pb2.Payment.SUCCEEDED:
        return str(payment.payment_preimage)
    if payment is None or payment.status != lightning_pb2.Payment.FAILED:
        raise OutcomeUnknown(f"Whether this payment went through is not known yet; {AGAIN_IS_SAFE}.")
    if payment.failure_reason == lightning_pb2.FAILURE_REASON_INCORRECT_PAYMENT_DETAILS:
        raise InvoiceExpired(
            "The payee takes this invoice no longer: it has expired, was canceled, or another wallet has paid it."
        )
    reason = lightning_pb2.PaymentFailureReason.Name(payment.failure_reason)
    raise NoRoute(f"No path with enough balance leads to the payee ({reason}): nothing was paid.")


async def _last(updates: AsyncIterator[Any]) -> Any:
    payment = None
    async for payment in updates:
        if payment.status in {lightning_pb2.Payment.SUCCEEDED, lightning_pb2.Payment.FAILED}:
            break
    return payment


def _raise_away(error: grpc.aio.AioRpcError) -> NoReturn:
    raise WalletAway(
        f"The wallet's node does not answer ({error.code().name}). See: tuppence regtest status"
    ) from error
