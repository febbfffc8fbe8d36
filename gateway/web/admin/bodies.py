"""Bodies of what only the operator asks: nodes, audits, suspense. Instants are RFC 3339, UTC."""

from typing import Annotated

from msgspec import Meta, Struct

from gateway.web.api.bodies import Hash, ReceiptShare, Slug, Title
from gateway.web.http.bodies import COLOUR


class CreatorRequest(Struct, forbid_unknown_fields=True):
    """A new creator."""

    name: Slug
    title: Title | None = None
    accent: Annotated[str, Meta(pattern=COLOUR)] | None = None


class CreatorBody(Struct):
    """A creator; `api_key` is shown once, when it is made."""

    name: str
    title: str
    accent: str
    created_at: str
    api_key: str | None = None


class PaymentBody(Struct):
    """A settled invoice, in the order in which payments were booked."""

    position: int
    payment_hash: str
    item_id: str | None
    tip_to: str | None
    paid_msat: int
    settled_at: str
    shares: list[ReceiptShare]
    message: str
    name: str


class BalanceBody(Struct):
    """A creator's claim on the operator's node."""

    creator: str
    balance_msat: int


class NodeBody(Struct):
    """An LND node: absent, locked, starting, syncing, ready or refused; `unknown` when the configuration lacks it."""

    node_id: str
    state: str
    detail: str
    alias: str
    identity_pubkey: str
    drained_at: str | None
    open_invoices: int


class NodeChange(Struct, forbid_unknown_fields=True):
    """A drained node makes no invoices; its open ones are followed until they are final."""

    drained: bool


class FindingBody(Struct):
    """A payment about which the books and the node differ."""

    difference: str
    payment_hash: str
    amount_msat: int
    settled_at: str
    memo: str


class AuditBody(Struct):
    """The books against the node. `lacking` may be other applications' payments; `lost` of them bear our memo.

    `pending` settled within the last minute and may be on its way into the books: ask again at `compare_again_at`.
    """

    credited_msat: int
    received_msat: int
    findings: list[FindingBody]
    lacking: list[FindingBody]
    lost: int
    pending: list[FindingBody]
    compare_again_at: str | None


class SuspenseRequest(Struct, forbid_unknown_fields=True):
    """A settlement that the books lack."""

    payment_hash: Hash


class SuspenseBody(Struct):
    """What was booked: as what it was sold for, or, with neither item nor tip, to suspense."""

    payment_hash: str
    item_id: str | None
    tip_to: str | None
    paid_msat: int
    settled_at: str


class PurgeRequest(Struct, forbid_unknown_fields=True):
    """`at_once`: whatever its age, if only the node's word is final, and out of the database's files too."""

    at_once: bool = False


class PurgeBody(Struct):
    """What was deleted: rows of unpaid invoices, payment requests of settled ones, notes beside tips."""

    unpaid: int
    payment_requests: int
    notes: int
