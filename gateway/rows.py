"""The rows of the payment domain, frozen: change one with `dataclasses.replace`.

Instants are whole seconds since 1970, UTC; amounts are msat; hashes and ids are lower-case hex or slugs.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from gateway.money import Msat


@dataclass(frozen=True, slots=True, kw_only=True)
class Creator:
    """Who is paid. `name` is a slug, public and for ever; `accent` a colour as #rrggbb."""

    name: str
    title: str
    accent: str
    key_id: str
    key_hash: str
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A creator's part of a payment: `weight` out of the sum of an item's weights."""

    creator: str
    weight: int


class ItemKind(StrEnum):
    """How an item opens: text unfolds in the page, a file is downloaded, a key opens what a page carries sealed."""

    TEXT = "text"
    FILE = "file"
    SEALED = "sealed"


class ItemState(StrEnum):
    """Archived stops sales; what was paid still opens."""

    ACTIVE = "active"
    ARCHIVED = "archived"


class PreviewSource(StrEnum):
    """Where a preview comes from: its creator, what stands before a text's mark, or the text's first paragraph."""

    GIVEN = "given"
    MARK = "mark"
    PARAGRAPH = "paragraph"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A thing sold. Its paid part lies in the content store under `digest` (SHA-256, hex).

    `allowed_origins`: the sites whose pages may sell it; empty: any. `page_url`: where a sealed text stands.
    """

    id: str
    kind: ItemKind
    title: str
    creator: str
    price_msat: Msat
    preview_html: str
    shares: tuple[Share, ...]
    access_seconds: int | None
    media_type: str
    byte_size: int
    word_count: int
    file_name: str | None
    digest: str
    memo: str | None
    state: ItemState
    created_at: int
    updated_at: int
    allowed_origins: tuple[str, ...] = ()
    page_url: str | None = None
    preview_source: PreviewSource = PreviewSource.GIVEN


class InvoiceState(StrEnum):
    """What LND said last; `expired` is derived from the clock, see `Invoice.shown_state`."""

    OPEN = "open"
    SETTLED = "settled"
    CANCELED = "canceled"


class Origin(StrEnum):
    """Where an invoice comes from: its reader, a program's challenge; or what a restored backup lacked."""

    CHECKOUT = "checkout"
    CHALLENGE = "challenge"
    SUSPENSE = "suspense"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """One offer to pay. It pins what it sold: item or tip, amount, shares, paid time.

    `payment_request` is empty once it was purged, and for what was booked to suspense.
    """

    payment_hash: str
    node_id: str
    add_index: int
    payment_request: str
    item_id: str | None
    tip_to: str | None
    amount_msat: Msat
    shares: tuple[Share, ...]
    access_seconds: int | None
    origin: Origin
    idempotency_hash: str | None
    state: InvoiceState
    created_at: int
    expires_at: int
    paid_msat: Msat | None = None
    settled_at: int | None = None
    settle_index: int | None = None

    def shown_state(self, now: float) -> str:
        """Its state for a person: open, expired, settled or canceled."""
        if self.state is InvoiceState.OPEN and now >= self.expires_at:
            return "expired"
        return self.state.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Unresolved:
    """An invoice without a verdict, as the sweep needs it."""

    payment_hash: str
    add_index: int
    expires_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """The fact that LND reports an invoice as settled."""

    payment_hash: str
    paid_msat: Msat
    settled_at: int
    settle_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One immutable row of the ledger: `amount_msat` > 0 from `debit_account` to `credit_account`."""

    payment_hash: str
    code: str
    n: int
    debit_account: str
    credit_account: str
    amount_msat: Msat
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One settled fact; positions are in commit order."""

    position: int
    payment_hash: str
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TipNote:
    """What a reader wrote beside a tip; the creator's, and purged by itself."""

    payment_hash: str
    message: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A settled invoice as its creators read it."""

    position: int
    invoice: Invoice
    note: TipNote | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """A creator's claim on the operator's node."""

    account: str
    balance_msat: int


def rfc3339(instant: int) -> str:
    """Unix seconds as RFC 3339 in UTC, such as `2026-01-31T12:00:00Z`."""
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
