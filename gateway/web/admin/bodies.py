"""The JSON bodies of the admin API: creators, payments, nodes, audits. Times are RFC 3339 in UTC."""

from typing import Annotated

from msgspec import Meta, Struct

from gateway.access.receipts import ReceiptShare
from gateway.web.api.bodies import Hash, Slug, Title
from gateway.web.http.bodies import COLOUR


class CreatorRequest(Struct, forbid_unknown_fields=True):
    """A new creator."""

    name: Slug
    title: Title | None = None
    accent: Annotated[str, Meta(pattern=COLOUR)] | None = None


class CreatorBody(Struct):
    """A creator. `api_key` is sent only once, when it is created.

    `dropped_destination` is the address of a change that the operator's new key has dropped.
    """

    name: str
    title: str
    accent: str
    created_at: str
    api_key: str | None = None
    dropped_destination: str | None = None


class PaymentBody(Struct):
    """A settled invoice; `position` is its place in the order of booking, `number` that of its payer's receipt."""

    position: int
    number: str
    payment_hash: str
    item_id: str | None
    tip_to: str | None
    paid_msat: int
    settled_at: str
    shares: list[ReceiptShare]
    message: str
    name: str


class BalanceBody(Struct):
    """The amount that the operator's node owes a creator, and the part of it that is being paid out.

    `destination` is where they are paid ("" for none yet); a change takes effect at `next_destination_at`.
    """

    creator: str
    balance_msat: int
    on_its_way_msat: int
    destination: str
    next_destination: str | None
    next_destination_at: str | None


class NodeBody(Struct):
    """An LND node. `state`: absent, locked, starting, syncing, ready, refused; unknown if it is not configured."""

    node_id: str
    state: str
    detail: str
    alias: str
    identity_pubkey: str
    drained_at: str | None
    open_invoices: int


class NodeChange(Struct, forbid_unknown_fields=True):
    """A change to a node. A drained node issues no invoices; its open ones are followed until they are final."""

    drained: bool


class FindingBody(Struct):
    """A payment that differs between the books and the node."""

    difference: str
    payment_hash: str
    amount_msat: int
    settled_at: str
    memo: str


class AuditBody(Struct):
    """The books compared with a node. `lacking` may be other applications' payments; `lost` counts those with our memo.

    `pending` payments settled within the last minute and may not be booked yet: repeat the audit at `compare_again_at`.
    """

    credited_msat: int
    received_msat: int
    findings: list[FindingBody]
    lacking: list[FindingBody]
    lost: int
    pending: list[FindingBody]
    compare_again_at: str | None


class SuspenseRequest(Struct, forbid_unknown_fields=True):
    """The settlement to book."""

    payment_hash: Hash


class SuspenseBody(Struct):
    """A booked settlement: to its item or tip, or, with neither, to suspense."""

    payment_hash: str
    item_id: str | None
    tip_to: str | None
    paid_msat: int
    settled_at: str


class PurgeRequest(Struct, forbid_unknown_fields=True):
    """With `at_once`, age is ignored (the invoice must still be final at LND) and the database files are rewritten."""

    at_once: bool = False


class PurgeBody(Struct):
    """The numbers of deleted unpaid invoices, payment requests of settled ones, notes, and destinations of refunds."""

    unpaid: int
    payment_requests: int
    notes: int
    destinations: int = 0
