"""The rows of the payment domain, frozen: change one with `dataclasses.replace`.

Instants are whole seconds since 1970, UTC; amounts are msat; hashes and ids are lower-case hex or slugs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from gateway.money import Msat


@dataclass(frozen=True, slots=True, kw_only=True)
class Creator:
    """A creator who is paid. `name` is a public slug that never changes; `accent` a colour as #rrggbb."""

    name: str
    title: str
    accent: str
    key_id: str
    key_hash: str
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A creator's share of a payment: `weight` out of the sum of an item's weights."""

    creator: str
    weight: int


class ItemKind(StrEnum):
    """The kind of an item: a text shown in the page, a file to download, or the key of a text sealed in a page."""

    TEXT = "text"
    FILE = "file"
    SEALED = "sealed"


class ItemState(StrEnum):
    """Whether an item is sold. An archived item is not, and still opens for those who paid."""

    ACTIVE = "active"
    ARCHIVED = "archived"


class PreviewSource(StrEnum):
    """The source of a preview: the creator, the text before its mark, or the text's first paragraph."""

    GIVEN = "given"
    MARK = "mark"
    PARAGRAPH = "paragraph"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A thing sold. Its paid part is in the content store under `digest` (SHA-256, hex).

    `allowed_origins`: origins of the sites that may sell it; empty for any. `page_url`: the page of a sealed text.
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
    """The last state reported by LND. Expiry is derived from the clock: see `Invoice.shown_state`."""

    OPEN = "open"
    SETTLED = "settled"
    CANCELED = "canceled"


class Origin(StrEnum):
    """The origin of an invoice: a reader's checkout, a program's challenge, or a settlement that a backup lacked."""

    CHECKOUT = "checkout"
    CHALLENGE = "challenge"
    SUSPENSE = "suspense"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """An offer to pay. It keeps the terms of the sale: item or tip, amount, shares, paid time.

    `payment_request` is empty once it is purged, and for invoices in suspense.
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
    refunded_at: int | None = None

    def shown_state(self, now: float) -> str:
        """The state that the API and the pages show: open, expired, settled or canceled."""
        if self.state is InvoiceState.OPEN and now >= self.expires_at:
            return "expired"
        return self.state.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Unresolved:
    """An invoice without a final state, with the columns that the sweep needs."""

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
    """One immutable row of the ledger: `amount_msat` > 0 from `debit_account` to `credit_account`.

    It belongs to a payment (`payment_hash`), a payout (`payout_id`) or the refund of a payment (`refund_of`): one of
    the three is set.
    """

    code: str
    n: int
    debit_account: str
    credit_account: str
    amount_msat: Msat
    created_at: int
    payment_hash: str | None = None
    payout_id: str | None = None
    refund_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A settlement event; positions are in commit order."""

    position: int
    payment_hash: str
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TipNote:
    """The message and name of a tip, for its creator and on its receipt; purged after a time."""

    payment_hash: str
    message: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A settled invoice with its event position and note, for its creators."""

    position: int
    invoice: Invoice
    note: TipNote | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """The balance of a ledger account."""

    account: str
    balance_msat: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRates:
    """What one bitcoin cost at an instant, by currency (ISO 4217)."""

    at: int
    per_bitcoin: Mapping[str, float]

    @property
    def hour(self) -> int:
        """Whole hours since 1970: the first rates of each are kept."""
        return hour_of(self.at)


def hour_of(instant: int) -> int:
    """Unix seconds as whole hours since 1970."""
    return instant // 3_600


def rfc3339(instant: int) -> str:
    """Unix seconds as RFC 3339 in UTC, such as `2026-01-31T12:00:00Z`."""
    return datetime.fromtimestamp(instant, UTC).isoformat().replace("+00:00", "Z")
