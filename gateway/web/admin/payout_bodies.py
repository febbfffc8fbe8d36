"""The JSON bodies of payouts, destinations and refunds under /v1/admin. Times are RFC 3339 in UTC."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.money import MAX_MSAT
from gateway.web.api.bodies import Hash, Slug

Amount = Annotated[int, Meta(ge=1_000, le=MAX_MSAT, multiple_of=1_000)]
Fee = Annotated[int, Meta(ge=0, le=MAX_MSAT)]
Address = Annotated[str, Meta(min_length=1, max_length=2_000)]
Note = Annotated[str, Meta(max_length=500)]


class PayoutRequest(Struct, forbid_unknown_fields=True):
    """A payout to ask for. Without `amount_msat` it is all; without `destination` it goes to the creator's own.

    `destination` is the operator's to give: a Lightning Address, an LNURL, or a BOLT 11 invoice.
    """

    creator: Slug
    amount_msat: Amount | None = None
    destination: Address | None = None


class TryBody(Struct):
    """A try of a payout. `state`: reserved, dispatched, succeeded, failed, released; `reason` is a code."""

    state: str
    reserved_at: str
    dispatched_at: str | None
    ended_at: str | None
    node_id: str | None
    payment_hash: str | None
    fee_msat: int | None
    reason: str
    resolved_note: str | None


class PayoutBody(Struct):
    """A payout. `state`: trying, waiting, needs_decision, succeeded, canceled. A refund's claim has no creator."""

    payout_id: str
    creator: str | None
    refund_of: str | None
    amount_msat: int
    fee_limit_msat: int
    destination: str
    asked_by: str
    state: str
    created_at: str
    next_try_at: str | None
    ended_at: str | None
    tries: list[TryBody]


class ResolveRequest(Struct, forbid_unknown_fields=True):
    """How a payout ended of which its node knows nothing. Paid without `fee_msat` counts the whole fee limit."""

    paid: bool
    note: Note
    fee_msat: Fee | None = None


class RecordRequest(Struct, forbid_unknown_fields=True):
    """A payment to a creator that the operator made by hand.

    It needs its hash or a note, and its node if that was one of ours; without `fee_msat` the node says the fee.
    """

    creator: Slug
    amount_msat: Amount
    fee_msat: Fee | None = None
    payment_hash: Hash | None = None
    node_id: str | None = None
    note: Note = ""


class RefundRecordRequest(Struct, forbid_unknown_fields=True):
    """The whole refund of the payment `refund_of`, which the operator paid by hand; the rest as for a payout."""

    refund_of: Hash
    fee_msat: Fee | None = None
    payment_hash: Hash | None = None
    node_id: str | None = None
    note: Note = ""


class PauseRequest(Struct, forbid_unknown_fields=True):
    """Why payouts are paused."""

    reason: Annotated[str, Meta(min_length=1, max_length=64)] = "operator"


class ResumeRequest(Struct, forbid_unknown_fields=True):
    """`acknowledged`: the payments that the books lack since the restore have been looked at."""

    acknowledged: bool = False


class PauseBody(Struct):
    """Whether payouts are paused."""

    paused: bool
    reason: str | None = None
    since: str | None = None


class PayoutFindingBody(Struct):
    """An outgoing payment about which books and node differ.

    `difference`: unpaid, paid, amount, open, pending, unknown, resolved, lacking.
    """

    difference: str
    payout_id: str | None
    payment_hash: str
    amount_msat: int
    fee_msat: int
    created_at: str


class DestinationRequest(Struct, forbid_unknown_fields=True):
    """Where a creator is to be paid: a Lightning Address or an LNURL."""

    address: Address


class DestinationBody(Struct):
    """Where a creator is paid: `address` now ("" for none yet), `next_address` from `next_at` on."""

    creator: str
    address: str
    next_address: str | None
    next_at: str | None


class PayoutRuleRequest(Struct, forbid_unknown_fields=True):
    """Pay out all, at each interval, once the balance reaches the threshold."""

    threshold_msat: Amount
    interval: Literal["daily", "weekly"]


class PayoutRuleBody(Struct):
    """A creator's rule, and when it is looked at next."""

    creator: str
    threshold_msat: int
    interval: str
    next_at: str


class RefundRequest(Struct, forbid_unknown_fields=True):
    """`operator_pays`: the operator takes the refund on, instead of the payment's creators."""

    operator_pays: bool = False


class RefundBody(Struct):
    """A refund. `state`: offered, claiming, claimed, returned."""

    payment_hash: str
    state: str
    amount_msat: int
    fee_limit_msat: int
    operator_pays: bool
    created_at: str
    expires_at: str
    ended_at: str | None
