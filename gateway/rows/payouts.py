"""The rows of money that leaves: payouts, their tries, destinations, rules and refunds.

Instants are whole seconds since 1970, UTC; amounts are msat; hashes and ids are lower-case hex or slugs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.money import Msat


class Asker(StrEnum):
    """Who asked for a payout: the operator, the creator's key, the creator's rule, or the payer of a refund."""

    OPERATOR = "operator"
    CREATOR = "creator"
    RULE = "rule"
    PAYER = "payer"


UNBOUND_ASKERS = (Asker.OPERATOR, Asker.PAYER)
"""Those for whom a pasted invoice is paid, and any amount however small. The others are paid to an address."""


class PayoutState(StrEnum):
    """The state of a payout: TRYING has an open try, WAITING is retried at `next_try_at`.

    NEEDS_DECISION is tried no more by itself: the operator sends it again or cancels it. The rest are final.
    """

    TRYING = "trying"
    WAITING = "waiting"
    NEEDS_DECISION = "needs_decision"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


class TryState(StrEnum):
    """The state of a try. RESERVED may not be sent yet, DISPATCHED may have been paid; the rest are final.

    RELEASED: nothing was sent. FAILED: LND says, or the operator does, that it was not and will not be paid.
    """

    RESERVED = "reserved"
    DISPATCHED = "dispatched"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    RELEASED = "released"


RESTORED = "restore"
"""The reason of the pause of books that may be a copy: payments that left since its instant may be lacking in them."""

UNENDED = (PayoutState.TRYING, PayoutState.WAITING, PayoutState.NEEDS_DECISION)
OPEN_TRIES = (TryState.RESERVED, TryState.DISPATCHED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """What was asked: whole sat from a ledger account to a destination.

    `source_account` is `creator:<name>` or `refund:<payment_hash>`. `destination` is a Lightning Address, an LNURL or a
    pasted BOLT 11 invoice; it is empty for one that the operator recorded, and once it is purged.
    """

    payout_id: str
    source_account: str
    amount_msat: Msat
    fee_limit_msat: Msat
    destination: str
    asked_by: Asker
    idempotency_hash: str | None
    state: PayoutState
    created_at: int
    next_try_at: int | None = None
    ended_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One try of a payout, the n-th from 0: it reserves `amount_msat` + `fee_limit_msat`.

    The fields from `payment_request` to `sender` are set when it is dispatched, and pin what may be paid and where; of
    a pasted invoice `expires_at` is known from the start. `sends` counts the calls of SendPaymentV2. `reason` is a code
    such as `no_route`. `resolved_note` is the note of the operator who ended it without the node's word.
    """

    payout_id: str
    n: int
    state: TryState
    source_account: str
    amount_msat: Msat
    fee_limit_msat: Msat
    reserved_at: int
    payment_request: str | None = None
    payment_hash: str | None = None
    expires_at: int | None = None
    node_id: str | None = None
    sender: str | None = None
    sends: int = 0
    dispatched_at: int | None = None
    check_at: int | None = None
    ended_at: int | None = None
    fee_msat: Msat | None = None
    reason: str = ""
    resolved_note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """What has not ended: the number of payouts by state, and of their open tries how much money they reserve.

    `overdue` is the number of tries whose node has not said how they ended although their invoice has expired.
    `oldest_at` is when the oldest open try was reserved; None without one.
    """

    payouts: Mapping[PayoutState, int]
    overdue: int
    reserved_msat: Msat
    oldest_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a creator is paid: `address` now, and `next_address` from `next_at` on.

    Before the first one takes effect, `address` is empty.
    """

    creator: str
    address: str
    next_address: str | None
    next_at: int | None
    changed_at: int

    def address_at(self, now: int) -> str:
        """The address in use at an instant; empty if there is none yet."""
        if self.next_address is not None and self.next_at is not None and now >= self.next_at:
            return self.next_address
        return self.address

    def pending_at(self, now: int) -> str | None:
        """The address of a change that has not taken effect."""
        return self.next_address if self.next_address != self.address_at(now) else None


class Interval(StrEnum):
    """How often a creator's rule is looked at."""

    DAILY = "daily"
    WEEKLY = "weekly"


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutRule:
    """A creator's rule: pay out all at each interval once the balance reaches `threshold_msat`; due at `next_at`."""

    creator: str
    threshold_msat: Msat
    interval: Interval
    next_at: int


class RefundState(StrEnum):
    """The state of a refund. RETURNED: nobody claimed it for a year, and the money went back whence it came."""

    OFFERED = "offered"
    CLAIMING = "claiming"
    CLAIMED = "claimed"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """The whole refund of one settled payment. `covered_by_operator`: the creators do not pay it.

    `k1_hash` is the keyed hash of the LNURL-withdraw secret. `payout_id` is its newest claim.
    """

    payment_hash: str
    state: RefundState
    amount_msat: Msat
    fee_limit_msat: Msat
    covered_by_operator: bool
    k1_hash: str
    created_at: int
    expires_at: int
    payout_id: str | None = None
    ended_at: int | None = None
