"""The row of an outgoing payment of the simulated node, and the plan by which a payment goes."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class PaymentStatus(IntEnum):
    """LND's numbers. INITIATED is not in the gateway's stubs; LND tells it with `routerrpc.usestatusinitiated`."""

    IN_FLIGHT = 1
    SUCCEEDED = 2
    FAILED = 3
    INITIATED = 4


class FailureReason(IntEnum):
    """LND's numbers. CANCELED is not in the gateway's stubs."""

    NONE = 0
    TIMEOUT = 1
    NO_ROUTE = 2
    ERROR = 3
    INCORRECT_PAYMENT_DETAILS = 4
    INSUFFICIENT_BALANCE = 5
    CANCELED = 6


PENDING = (PaymentStatus.INITIATED, PaymentStatus.IN_FLIGHT)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedPayment:
    """One outgoing payment; change it with `dataclasses.replace`.

    `payment_hash`, `payee` and `preimage` are bytes, amounts msat, instants whole seconds since 1970. `fee_msat` is
    what routing costs, owed only once it succeeded. `ends_at`: when its HTLC is resolved, as `outcome` says (NONE: it
    succeeds if the payee takes it); 0 if never.
    """

    index: int
    payment_hash: bytes
    payment_request: str
    payee: bytes
    amount_msat: int
    fee_msat: int
    created_at: int
    status: PaymentStatus
    ends_at: int
    outcome: FailureReason
    reason: FailureReason = FailureReason.NONE
    preimage: bytes = b""

    @property
    def is_pending(self) -> bool:
        """Whether it has neither succeeded nor failed."""
        return self.status in PENDING

    @property
    def claims_msat(self) -> int:
        """What it takes from the node's balance: its amount and fee, unless it failed."""
        return 0 if self.status is PaymentStatus.FAILED else self.amount_msat + self.fee_msat


class Answer(StrEnum):
    """What the caller of SendPaymentV2 or TrackPaymentV2 receives, whatever happened.

    `TOLD`            the payment's updates, until it ends.
    `SILENT`          nothing, on a stream that never ends (lnd#9881).
    `BROKEN`          the connection breaks.
    `ALREADY_EXISTS`  the request arrived twice, and this is the answer to the second.
    `UNIMPLEMENTED`   what a proxy, or an LND without this call, answers.
    """

    TOLD = "told"
    SILENT = "silent"
    BROKEN = "broken"
    ALREADY_EXISTS = "already_exists"
    UNIMPLEMENTED = "unimplemented"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What becomes of one call of SendPaymentV2; unless said otherwise it arrives at once, and the caller is told.

    `answer`                 what the caller receives.
    `arrives_after_seconds`  the request reaches the node so much later, and the caller receives nothing.
    `is_recorded`            False: the node ends before it has written anything, so it never has this payment.
    `ends_after_seconds`     how long it is in flight; None for ever.
    `outcome`                the reason for which it fails; NONE: it succeeds.
    `fee_msat`               what routing costs; None: what one hop of LND's default policy asks for.
    """

    answer: Answer = Answer.TOLD
    arrives_after_seconds: int = 0
    is_recorded: bool = True
    ends_after_seconds: int | None = 0
    outcome: FailureReason = FailureReason.NONE
    fee_msat: int | None = None
