"""What bodies look like on the wire; the OpenAPI document is made from these. Instants are RFC 3339, UTC."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.access.one_time_codes import LONGEST_CODE, PATTERN
from gateway.catalog.rules import MOST_TITLE_CHARACTERS
from gateway.money import MSAT_PER_SAT
from gateway.sales.checkout import (
    MOST_MESSAGE_CHARACTERS,
    MOST_NAME_CHARACTERS,
    MOST_TIP_MSAT,
)
from gateway.web.http.bodies import SLUG

Slug = Annotated[str, Meta(pattern=SLUG)]
Hash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
SOME_WORDS = r"^\s*[^\s\x00][^\x00]*$"
NO_NUL = {"pattern": r"^[^\x00]*$"}
"""What PostgreSQL cannot keep, the domain refuses in words; the description says it beforehand."""
Title = Annotated[str, Meta(min_length=1, max_length=MOST_TITLE_CHARACTERS, pattern=SOME_WORDS)]
# Documented here, checked by the checkout, as are the words of a tip: a person typed it, and reads the refusal.
_TIP_RANGE = {"minimum": MSAT_PER_SAT, "maximum": MOST_TIP_MSAT, "multipleOf": MSAT_PER_SAT}
TipAmount = Annotated[int, Meta(extra_json_schema=_TIP_RANGE)]
# As a receipt shows it, or without dashes: what else is forgiven need not be documented.
_CODE = "[0-9A-TV-Za-tv-z]{4}-?[0-9A-TV-Za-tv-z]{4}-?[0-9A-TV-Za-tv-z]{4}"
State = Literal["open", "expired", "settled", "canceled"]


class CreatorCard(Struct):
    """A creator as everyone sees them."""

    name: str
    title: str
    accent: str
    pay_url: str


class ItemBody(Struct):
    """An item as everyone sees it: never the paid part."""

    id: str
    kind: Literal["text", "file", "sealed"]
    title: str
    creator: str
    creator_title: str
    accent: str
    price_msat: int
    preview_html: str
    access_seconds: int | None
    media_type: str
    byte_size: int
    word_count: int
    for_sale: bool
    pay_url: str
    page_url: str | None


class InvoiceBody(Struct, omit_defaults=True):
    """One offer to pay; `access_token` only in the answer that made it; no `payment_request` long after payment."""

    payment_hash: str
    payment_request: str
    amount_msat: int
    state: State
    created_at: str
    expires_at: str
    pay_url: str
    qr_url: str
    events_url: str
    item_id: str | None = None
    tip_to: str | None = None
    paid_msat: int | None = None
    settled_at: str | None = None
    access_token: str | None = None


class TipRequest(Struct, forbid_unknown_fields=True):
    """A tip; message and name are the creator's to read."""

    amount_msat: TipAmount
    message: Annotated[str, Meta(extra_json_schema=NO_NUL | {"maxLength": MOST_MESSAGE_CHARACTERS})] = ""
    name: Annotated[str, Meta(extra_json_schema=NO_NUL | {"maxLength": MOST_NAME_CHARACTERS})] = ""


class LinkBody(Struct):
    """A signed link to the content."""

    url: str
    expires_at: str


class ReceiptShare(Struct):
    """Where a part of a payment went."""

    creator: str
    title: str
    amount_msat: int


class ReceiptBody(Struct):
    """A payment for the one who holds its token; `preimage` is asked of LND, absent while that is away.

    `recovery_code` opens the purchase elsewhere; a challenge's invoice has none, and a narrowed token gets neither.
    `page_url` is where a sealed text stands; its fragment carries a code that opens it there once, within an hour.
    """

    payment_hash: str
    item_id: str | None
    tip_to: str | None
    title: str
    amount_msat: int
    state: State
    paid_msat: int | None
    settled_at: str | None
    preimage: str | None
    recovery_code: str | None
    page_url: str | None
    shares: list[ReceiptShare]


class RecoveryRequest(Struct, forbid_unknown_fields=True):
    """The code of a receipt; case, spaces, dashes and I, L, O are forgiven. Or that of a `page_url`: it opens once."""

    code: Annotated[str, Meta(max_length=LONGEST_CODE, extra_json_schema={"pattern": f"^({_CODE}|{PATTERN})$"})]


class RecoveryBody(Struct):
    """A new token for what the code's receipt paid for."""

    payment_hash: str
    item_id: str | None
    tip_to: str | None
    access_token: str
    receipt_url: str
