"""Calls and payments that the simulated node refuses, with LND's status codes and texts."""

from gateway.ports.node import NodeState
from gateway.simulator.payments.payment import PaymentStatus

PREIMAGE_BYTES, MAX_MEMO_BYTES = 32, 1024
MAX_INVOICE_BTC, SAT_PER_BTC = 100_000, 100_000_000
MAX_EXPIRY_SECONDS = 365 * 24 * 3600

_NOT_READY = {
    NodeState.ABSENT: ("UNAVAILABLE", "failed to connect to all addresses"),
    NodeState.LOCKED: ("UNKNOWN", "wallet locked, unlock it to enable full RPC access"),
    NodeState.STARTING: (
        "UNKNOWN",
        "the RPC server is in the process of starting up, but not yet ready to accept calls",
    ),
}
_NO_WALLET = ("UNKNOWN", "wallet not created, create one to enable full RPC access")

# payments/db/errors.go, and what native SQL puts before it.
_ALREADY_EXISTS = {
    PaymentStatus.INITIATED: "payment already exists",
    PaymentStatus.IN_FLIGHT: "payment is in transition",
    PaymentStatus.SUCCEEDED: "invoice is already paid",
}


class CallRefused(Exception):
    """The node refuses a call: `status` is the name of a gRPC status, `details` LND's text."""

    def __init__(self, status: str, details: str) -> None:
        super().__init__(details)
        self.status = status
        self.details = details


class PaymentRefused(Exception):
    """The node refuses an HTLC: unknown hash, no longer open, or too little."""


def refuse(details: str) -> CallRefused:
    """The refusal of most of LND's checks, which has no status of its own."""
    return CallRefused("UNKNOWN", details)


def already_exists(status: PaymentStatus) -> CallRefused:
    """The refusal of a second payment of one hash; only one that failed may be tried again."""
    details = f"failed to initialize payment: payment is not initializable: {_ALREADY_EXISTS[status]}"
    return CallRefused("ALREADY_EXISTS", details)


def check_ready(state: NodeState, *, has_wallet: bool = True) -> None:
    """Raise `CallRefused` where rpcperms/interceptor.go refuses a call in this state of the node."""
    if state is NodeState.LOCKED and not has_wallet:
        raise CallRefused(*_NO_WALLET)
    if state in _NOT_READY:
        raise CallRefused(*_NOT_READY[state])


def check_invoice(*, preimage: bytes, amount_msat: int, memo: str, expiry_seconds: int) -> None:
    """Raise `CallRefused` where lnrpc/invoicesrpc/addinvoice.go refuses an invoice."""
    memo_size, amount_sat = len(memo.encode()), amount_msat // 1000
    if preimage and len(preimage) != PREIMAGE_BYTES:
        raise refuse(f"invalid preimage length of {len(preimage)}, want {PREIMAGE_BYTES}")
    if memo_size > MAX_MEMO_BYTES:
        raise refuse(f"memo too large: {memo_size} bytes (maxsize={MAX_MEMO_BYTES})")
    if amount_msat < 0:
        raise refuse("amount cannot be negative")
    if amount_sat > MAX_INVOICE_BTC * SAT_PER_BTC:
        amount_btc = amount_sat / SAT_PER_BTC
        raise refuse(f"invoice amount {amount_btc:.15g} BTC is too large, max is {MAX_INVOICE_BTC} BTC")
    if expiry_seconds > MAX_EXPIRY_SECONDS:
        exponent = len(str(expiry_seconds)) - 1
        asked = f"{expiry_seconds / 10**exponent:.15g}e+{exponent:02}"
        raise refuse(f"expiry of {asked} seconds greater than max expiry of 3.1536e+07 seconds")
