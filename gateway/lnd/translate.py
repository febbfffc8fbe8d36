"""Translates LND's messages and errors into those of the domain. Only `to_preimage` returns a preimage."""

import grpc
from lndgrpc.compiled import lightning_pb2 as ln

from gateway.errors import Unavailable
from gateway.money import Msat
from gateway.ports.node import NodeInvoice, NodeInvoiceState
from gateway.ports.payer import PaymentReport, PaymentState, SentPayment
from gateway.wire.lnd_macaroon import Purpose

NODE_AWAY, NODE_LOCKED, NODE_STARTING, NODE_REFUSED = "node_away", "node_locked", "node_starting", "node_refused"
IS_LOCKED = "LND's wallet is locked: run `lncli unlock`"
HAS_NO_WALLET = "LND has no wallet yet: run `lncli create`"
IS_STARTING = "LND is starting: it answers in a moment"
ALREADY_EXISTS = "invoice with payment hash already exists"

_STATES = {
    ln.Invoice.OPEN: NodeInvoiceState.OPEN,
    ln.Invoice.SETTLED: NodeInvoiceState.SETTLED,
    ln.Invoice.CANCELED: NodeInvoiceState.CANCELED,
    ln.Invoice.ACCEPTED: NodeInvoiceState.ACCEPTED,
}
# FAILURE_REASON_NONE is a contradiction in a payment that failed.
_FAILURES = {
    number: name.removeprefix("FAILURE_REASON_").lower()
    for name, number in ln.PaymentFailureReason.items()
    if number != ln.FAILURE_REASON_NONE
}
_NANOSECONDS = 1_000_000_000
_RETRY_AFTER_SECONDS = {NODE_AWAY: 5, NODE_LOCKED: 30, NODE_STARTING: 5, NODE_REFUSED: 60}
# Texts of rpcperms/interceptor.go and rpcserver.go, all with the status UNKNOWN.
_LOCKED = ("wallet locked",)
_WITHOUT_WALLET = ("wallet not created",)
_STARTING = ("starting up", "waiting to start", "still syncing", "server is still in the process of starting")
_MACAROON = ("macaroon", "permission denied", "verification failed", "unmarshal v2", "invalid ID")
_NOT_FOUND = ("unable to locate invoice", "there are no existing invoices")
# Nothing was sent: the channel had no connection.
_NOT_CONNECTED = ("failed to connect", "connections to all backends failing", "dns resolution failed")
# An answer with an invoice that cannot be serialised or parsed; the connection is fine.
_UNSENDABLE = ("error while marshaling", "invalid utf-8", "exception deserializing response")
_BROKEN = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.ABORTED,
)


def to_node_invoice(message: ln.Invoice) -> NodeInvoice | None:
    """The invoice; None for keysend and AMP invoices, which belong to other applications."""
    if message.is_keysend or message.is_amp:
        return None
    return NodeInvoice(
        payment_hash=message.r_hash.hex(),
        add_index=message.add_index,
        settle_index=message.settle_index,
        # A state that this release does not know is not final.
        state=_STATES.get(message.state, NodeInvoiceState.ACCEPTED),
        paid_msat=Msat(message.amt_paid_msat),
        settled_at=message.settle_date,
        memo=message.memo,
    )


def to_preimage(message: ln.Invoice) -> str | None:
    """The preimage (hex) of a settled invoice; None before, when LND returns it too and it would prove a payment."""
    return message.r_preimage.hex() if message.state == ln.Invoice.SETTLED else None


def to_payment_report(message: ln.Payment) -> PaymentReport:
    """The state of an outgoing payment. A number that our stubs do not name, of status or reason, is no end of it.

    The reason of a payment that failed for such a one is `unnamed_` and the number.
    """
    if message.status == ln.Payment.SUCCEEDED:
        return PaymentReport(
            payment_hash=message.payment_hash,
            state=PaymentState.SUCCEEDED,
            amount_msat=Msat(message.value_msat),
            fee_msat=Msat(message.fee_msat),
        )
    if message.status != ln.Payment.FAILED:
        return PaymentReport(payment_hash=message.payment_hash, state=PaymentState.PENDING)
    reason = _FAILURES.get(message.failure_reason)
    return PaymentReport(
        payment_hash=message.payment_hash,
        state=PaymentState.PENDING if reason is None else PaymentState.FAILED,
        reason=reason or f"unnamed_{message.failure_reason}",
    )


def to_sent_payment(message: ln.Payment) -> SentPayment:
    """A payment of LND's list."""
    return SentPayment(
        index=message.payment_index,
        created_at=message.creation_time_ns // _NANOSECONDS,
        report=to_payment_report(message),
    )


def to_unavailable(error: grpc.aio.AioRpcError, method: str, purpose: Purpose) -> Unavailable:
    """The error for a failed call with a macaroon of this purpose; its detail says what to do."""
    code, details = error.code(), error.details() or ""
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return unavailable(NODE_AWAY, f"LND did not answer {method} in time")
    if code in _BROKEN and not _says(details, _UNSENDABLE):
        return unavailable(NODE_AWAY, _why_away(details))
    if _says(details, _WITHOUT_WALLET):
        return unavailable(NODE_LOCKED, HAS_NO_WALLET)
    if _says(details, _LOCKED):
        return unavailable(NODE_LOCKED, IS_LOCKED)
    if _says(details, _STARTING):
        return unavailable(NODE_STARTING, IS_STARTING)
    hint = f"; bake a macaroon that allows it: {purpose.bake_command()}" if _is_macaroon(error) else ""
    return unavailable(NODE_REFUSED, f"LND refused {method}: {details}{hint}")


def _why_away(details: str) -> str:
    """A detail without gRPC's text, which contains addresses; that stays in the error's cause."""
    if "CERTIFICATE_VERIFY_FAILED" in details:
        return "LND shows another certificate than tls.cert: give the path of its present one"
    if _says(details, _NOT_CONNECTED):
        return "LND cannot be reached: start it, or correct the host and port that it is looked for at"
    return "the connection to LND broke"


def unavailable(code: str, detail: str) -> Unavailable:
    """The error of a code, with its time for Retry-After."""
    return Unavailable(code, detail, retry_after_seconds=_RETRY_AFTER_SECONDS[code])


def is_not_found(error: grpc.aio.AioRpcError) -> bool:
    """Whether LND has no such invoice (NOT_FOUND, or UNKNOWN in older versions)."""
    return _says(error.details() or "", _NOT_FOUND)


def is_already_exists(error: grpc.aio.AioRpcError) -> bool:
    """Whether AddInvoice found its payment hash in use; LND has no status code for that."""
    return ALREADY_EXISTS in (error.details() or "")


def may_have_happened(error: grpc.aio.AioRpcError) -> bool:
    """Whether a call with this failure may have been carried out."""
    return error.code() in _BROKEN and not _says(error.details() or "", _NOT_CONNECTED)


def was_never_sent(error: grpc.aio.AioRpcError) -> bool:
    """Whether a call with this failure certainly did not reach LND: there was no connection to send it on."""
    return error.code() is grpc.StatusCode.UNAVAILABLE and _says(error.details() or "", _NOT_CONNECTED)


def is_wrong_input(error: grpc.aio.AioRpcError) -> bool:
    """Whether LND refuses what was sent, and neither the caller nor, in its present state, every call."""
    everything = (*_LOCKED, *_WITHOUT_WALLET, *_STARTING)
    is_general = _says(error.details() or "", everything) or _is_macaroon(error)
    return error.code() is grpc.StatusCode.UNKNOWN and not is_general


def is_worth_repeating(error: grpc.aio.AioRpcError) -> bool:
    """Whether to try again: the connection failed, or the credentials did, which may have been renewed."""
    return error.code() in _BROKEN or may_be_credentials(error)


def is_settled_or_gone(error: grpc.aio.AioRpcError) -> bool:
    """Whether there is nothing left to cancel."""
    return is_not_found(error) or "already settled" in (error.details() or "")


def may_be_credentials(error: grpc.aio.AioRpcError) -> bool:
    """Whether an outdated certificate or macaroon may explain a failure."""
    return error.code() is grpc.StatusCode.UNAVAILABLE or _is_macaroon(error)


def _is_macaroon(error: grpc.aio.AioRpcError) -> bool:
    denied = error.code() in (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED)
    return denied or _says(error.details() or "", _MACAROON)


def _says(details: str, any_of: tuple[str, ...]) -> bool:
    lower = details.lower()
    return any(words.lower() in lower for words in any_of)
