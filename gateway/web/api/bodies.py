"""The JSON bodies of the readers' API, also in the OpenAPI document. Times are RFC 3339 in UTC."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.access.one_time_codes import LONGEST_CODE, PATTERN
from gateway.access.receipts import ReceiptShare, Seller
from gateway.catalog.rules import MOST_TITLE_CHARACTERS
from gateway.money import MSAT_PER_SAT
from gateway.rates.rate import Rate
from gateway.sales.terms import (
    MOST_MESSAGE_CHARACTERS,
    MOST_NAME_CHARACTERS,
    MOST_TIP_MSAT,
)
from gateway.web.http.bodies import SLUG

Slug = Annotated[str, Meta(pattern=SLUG)]
Hash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
SOME_WORDS = r"^\s*[^\s\x00][^\x00]*$"
NO_NUL = {"pattern": r"^[^\x00]*$"}
"""Documents that NUL is refused, because PostgreSQL cannot store it. The domain checks it."""
Title = Annotated[str, Meta(min_length=1, max_length=MOST_TITLE_CHARACTERS, pattern=SOME_WORDS)]
# Documented here and checked at checkout, like the message of a tip: a person typed it and reads the refusal.
_TIP_RANGE = {"minimum": MSAT_PER_SAT, "maximum": MOST_TIP_MSAT, "multipleOf": MSAT_PER_SAT}
TipAmount = Annotated[int, Meta(extra_json_schema=_TIP_RANGE)]
# As a receipt shows it, or without dashes. Other accepted spellings are not documented.
_CODE = "[0-9A-TV-Za-tv-z]{4}-?[0-9A-TV-Za-tv-z]{4}-?[0-9A-TV-Za-tv-z]{4}"
State = Literal["open", "expired", "settled", "canceled"]


class CreatorCard(Struct):
    """A creator's public profile."""

    name: str
    title: str
    accent: str
    pay_url: str


class ItemBody(Struct):
    """The public part of an item, without what is paid for.

    `more_url` is the page that lists what its creator sells; null if that is nothing else.
    """

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
    more_url: str | None


class InvoiceBody(Struct, omit_defaults=True):
    """An invoice. `access_token` is sent only on creation; `payment_request` is empty once purged."""

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
    """A tip. Only the creator reads message and name."""

    amount_msat: TipAmount
    message: Annotated[str, Meta(extra_json_schema=NO_NUL | {"maxLength": MOST_MESSAGE_CHARACTERS})] = ""
    name: Annotated[str, Meta(extra_json_schema=NO_NUL | {"maxLength": MOST_NAME_CHARACTERS})] = ""


class LinkBody(Struct):
    """A signed link to the content, and when it expires."""

    url: str
    expires_at: str


class RefundOffer(Struct):
    """What is paid back to the payer. `lnurl` lets a wallet claim it; null unless it is offered now."""

    state: Literal["offered", "claiming", "claimed", "returned"]
    amount_msat: int
    expires_at: str
    lnurl: str | None


class RefundClaim(Struct, forbid_unknown_fields=True):
    """Where the payer wants to be paid back: a BOLT 11 invoice of the whole amount, or a Lightning Address."""

    destination: Annotated[str, Meta(min_length=1, max_length=4_000)]


class ReceiptBody(Struct):
    """A payment, for the holder of its token. `preimage` comes from LND and is null while LND is unavailable.

    `number` names it to the seller: null before the settlement. `kind`, `seller` or both are null for what a restored
    backup does not have. `site` is the gateway's public URL. `rate` is that of the time of payment, in the form of
    `GET /v1/rate`; null where it is not known. `message` and `name` are the note that the payer wrote beside a tip, ""
    once it is deleted. `recovery_code` gives a new token elsewhere; null for a challenge's invoice. A narrowed token
    gets neither code, preimage nor note. `contact` is where to ask about it, a `mailto:` or an http(s) URL.
    `page_url` is the page of a sealed text; its fragment carries a code that opens it there once, within an hour.
    """

    number: str | None
    payment_hash: str
    item_id: str | None
    tip_to: str | None
    kind: Literal["text", "file", "sealed", "tip"] | None
    title: str
    seller: Seller | None
    site: str
    amount_msat: int
    state: State
    paid_msat: int | None
    settled_at: str | None
    rate: Rate | None
    access_ends_at: str | None
    message: str
    name: str
    preimage: str | None
    recovery_code: str | None
    contact: str | None
    page_url: str | None
    shares: list[ReceiptShare]
    refund: RefundOffer | None


class RecoveryRequest(Struct, forbid_unknown_fields=True):
    """A recovery code in any case, with or without dashes, with I, L and O corrected; or the code of a `page_url`."""

    code: Annotated[str, Meta(max_length=LONGEST_CODE, extra_json_schema={"pattern": f"^({_CODE}|{PATTERN})$"})]


class RecoveryBody(Struct):
    """A new token for a recovered purchase."""

    payment_hash: str
    item_id: str | None
    tip_to: str | None
    access_token: str
    receipt_url: str
