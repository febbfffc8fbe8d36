"""Receipts: a payment as its payer sees it, with the proof of payment, a recovery code and where each share went."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway.access.authorize import Authorizer
from gateway.access.one_time_codes import new_one_time_code
from gateway.access.recovery_codes import code_of, has_code
from gateway.access.tokens import Credential, Token, check_payer, token_ends_at
from gateway.books.ledger import CREATOR_PREFIX, split
from gateway.books.receipt_numbers import receipt_number
from gateway.catalog.catalog import Catalog
from gateway.errors import Forbidden, NotFound, OutcomeUnknown, Unavailable
from gateway.nodes.pool import Nodes
from gateway.payouts.refunds import withdraw_secret
from gateway.ports.keys import KeyRing
from gateway.ports.store import Store
from gateway.rows import Invoice, InvoiceState, Item, Origin, TipNote, Transfer
from gateway.rows.payouts import RefundState
from gateway.supervise import begin

RECOVERY_CODE_WITHIN_SECONDS = 1.0
FRAGMENT = "tuppence="
"""The text before a one-time code in the fragment of a sealed text's page."""


@dataclass(frozen=True, slots=True)
class Seller:
    """The creator of what was sold, or whom a tip was given."""

    creator: str
    title: str


@dataclass(frozen=True, slots=True)
class ReceiptShare:
    """A creator's share of a payment."""

    creator: str
    title: str
    amount_msat: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedRefund:
    """What is paid back to the payer, who may claim it until `expires_at` with `k1`: None unless it is offered now."""

    state: RefundState
    amount_msat: int
    expires_at: int
    k1: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One payment, for the holder of its token. Instants are unix seconds."""

    number: str | None
    """None before the settlement."""
    payment_hash: str
    item_id: str | None
    tip_to: str | None
    title: str
    item: Item | None
    """None for a tip, and for an item that a restored backup does not have."""
    seller: Seller | None
    """None for an item or a creator that a restored backup does not have."""
    in_suspense: bool
    as_minted: bool
    state: str
    amount_msat: int
    paid_msat: int | None
    settled_at: int | None
    access_ends_at: int | None
    preimage: str | None
    recovery_code: str | None
    page_url: str | None
    note: TipNote | None
    shares: Sequence[ReceiptShare]
    refund: OfferedRefund | None


async def invoice_of_payer(authorizer: Authorizer, credential: Credential, *, now: int) -> tuple[Token, Invoice]:
    """The token and the invoice of a credential whose holder may read the receipt; the access may have ended.

    Raises as `Authorizer.invoice_of` and `check_payer` do, and `NotFound` (`invoice_not_found`).
    """
    token, invoice = await authorizer.invoice_of(credential)
    check_payer(token, credential.preimage, now=now)
    if invoice is None:
        raise invoice_not_found()
    return token, invoice


def require_as_minted(token: Token) -> None:
    """Raise `Forbidden` (`token_narrowed`) for a token that its holder narrowed: it may be somebody else's by now."""
    if not token.as_minted:
        raise Forbidden("token_narrowed", "A token that was narrowed cannot claim a refund; use the receipt's own.")


async def receipt_of(
    store: Store, keys: KeyRing, nodes: Nodes, catalog: Catalog, token: Token, invoice: Invoice, *, now: int
) -> Receipt:
    """The receipt of an invoice. Raises `Unavailable` where the database cannot be read."""
    item = catalog.find_item(token.item_id)
    is_settled = invoice.state is InvoiceState.SETTLED
    return Receipt(
        number=receipt_number(invoice.payment_hash, invoice.settled_at or 0) if is_settled else None,
        payment_hash=invoice.payment_hash,
        item_id=token.item_id,
        tip_to=token.tip_to,
        title=_title_of(catalog, token),
        item=item,
        seller=_seller(catalog, token, item),
        in_suspense=invoice.origin is Origin.SUSPENSE,
        as_minted=token.as_minted,
        state=invoice.shown_state(now),
        amount_msat=invoice.amount_msat,
        paid_msat=invoice.paid_msat,
        settled_at=invoice.settled_at,
        access_ends_at=token_ends_at(token, invoice) if is_settled else None,
        preimage=await _preimage(nodes, token, invoice) if is_settled else None,
        recovery_code=await _recovery_code(store, keys, token, invoice, now=now),
        page_url=page_url_of(keys, item, token, invoice, now=now),
        note=await _note(store, token),
        shares=await booked_shares(store, catalog, invoice),
        refund=await _refund(store, keys, token, invoice, now=now),
    )


def place_to_ask(receipt: Receipt, contact: str) -> str | None:
    """The URL where a payer asks about a payment: the gateway's contact, else the only site that sells the item."""
    item = receipt.item
    if contact or item is None:
        return contact or None
    if item.page_url is not None:
        parts = urlsplit(item.page_url)
        return f"{parts.scheme}://{parts.netloc}"
    return item.allowed_origins[0] if len(item.allowed_origins) == 1 else None


async def booked_shares(store: Store, catalog: Catalog, invoice: Invoice) -> list[ReceiptShare]:
    """The shares of a payment as the ledger has them; before settlement, as they will be booked."""
    transfers = await store.read(lambda tx: tx.ledger.of_payment(invoice.payment_hash))
    return shares_of(catalog, transfers) or [
        ReceiptShare(name, _creator_title(catalog, name), part)
        for name, part in split(invoice.amount_msat, invoice.shares)
    ]


def shares_of(catalog: Catalog, transfers: Iterable[Transfer]) -> list[ReceiptShare]:
    """The shares that these transfers credit."""
    parts = [(t.credit_account.removeprefix(CREATOR_PREFIX), int(t.amount_msat)) for t in transfers]
    return [ReceiptShare(name, _creator_title(catalog, name), part) for name, part in parts]


def page_url_of(keys: KeyRing, item: Item | None, token: Token, invoice: Invoice, *, now: int) -> str | None:
    """The page of a sealed text, with a one-time code that opens it there where the token gives one."""
    if item is None or item.page_url is None:
        return None
    code = new_one_time_code(keys, token, invoice, now=now)
    return f"{item.page_url}#{FRAGMENT}{code}" if code else item.page_url


def invoice_not_found() -> NotFound:
    """The refusal of a payment hash that the database does not have."""
    return NotFound(
        "invoice_not_found",
        "There is no invoice with this payment hash here. If it was paid, keep its token, and send the payment hash to "
        "the creator: after a restore a payment may have to be booked again.",
    )


def _seller(catalog: Catalog, token: Token, item: Item | None) -> Seller | None:
    name = token.tip_to if item is None else item.creator
    creator = None if name is None else catalog.find_creator(name)
    return None if creator is None else Seller(creator.name, creator.title)


async def _note(store: Store, token: Token) -> TipNote | None:
    """The note beside a tip, for a token as it was minted: one that was passed on shows what was paid, no message."""
    if not token.as_minted or token.tip_to is None:
        return None
    return await store.read(lambda tx: tx.tip_notes.get(token.payment_hash))


async def _preimage(nodes: Nodes, token: Token, invoice: Invoice) -> str | None:
    """The preimage (hex), for a token as it was minted. LND alone keeps it: None while LND is away."""
    if not token.as_minted:
        return None
    try:
        return await nodes.preimage(invoice)
    except (Unavailable, OutcomeUnknown):
        return None


async def _recovery_code(store: Store, keys: KeyRing, token: Token, invoice: Invoice, *, now: int) -> str | None:
    """The recovery code, for a token as it was minted, since a code gives such a token.

    None for an unpaid invoice and for a challenge's. None also while the database does not take a new code: a receipt
    without a code is better than none.
    """
    if not token.as_minted or not has_code(invoice):
        return None
    pinning = begin(code_of(store, keys, invoice, now=now))
    await asyncio.wait([pinning], timeout=RECOVERY_CODE_WITHIN_SECONDS)
    try:
        return pinning.result() if pinning.done() else None
    except (Unavailable, OutcomeUnknown):
        return None


async def _refund(store: Store, keys: KeyRing, token: Token, invoice: Invoice, *, now: int) -> OfferedRefund | None:
    """What is paid back; its secret is given only to a token as it was minted."""
    if invoice.refunded_at is None:
        return None
    refund = await store.read(lambda tx: tx.refunds.get(invoice.payment_hash))
    if refund is None:
        return None
    is_claimable = token.as_minted and refund.state is RefundState.OFFERED and now < refund.expires_at
    return OfferedRefund(
        state=refund.state,
        amount_msat=refund.amount_msat,
        expires_at=refund.expires_at,
        k1=withdraw_secret(keys, invoice.payment_hash) if is_claimable else None,
    )


def _title_of(catalog: Catalog, token: Token) -> str:
    """The title of what a token was sold for; its id or name where a restored backup does not have it."""
    name = token.item_id if token.item_id is not None else token.tip_to
    assert name is not None, "a token is for an item or a tip"
    with suppress(NotFound):
        return catalog.item(name).title if token.item_id is not None else catalog.creator(name).title
    return name


def _creator_title(catalog: Catalog, name: str) -> str:
    """A creator's title; the name for one that is not in the catalog, and for the account `suspense`."""
    creator = catalog.find_creator(name)
    return name if creator is None else creator.title
