"""The public item and creator, and a payment's receipt for the one who holds its token."""

import asyncio
from contextlib import suppress

from aiohttp import web

from gateway.access.one_time_codes import hand_over_code
from gateway.access.recovery_codes import code_of, has_code
from gateway.access.tokens import Credential, Token, check_payer
from gateway.app.gateway import Gateway
from gateway.books.ledger import CREATOR_PREFIX, split
from gateway.catalog.catalog import Catalog
from gateway.errors import NotFound, OutcomeUnknown, Unauthorized, Unavailable
from gateway.rows import Invoice, InvoiceState, Item, ItemState, rfc3339
from gateway.supervise import begin
from gateway.web.api.bodies import CreatorCard, ItemBody, ReceiptBody, ReceiptShare
from gateway.web.api.invoices import NO_INVOICE
from gateway.web.http.app_keys import gateway_of
from gateway.web.http.bodies import answer
from gateway.wire.l402.credential import parse_authorization

PINNED_WITHIN_SECONDS = 1.0
# Before the code in the fragment of a page that carries a sealed text.
CARRIED = "tuppence="


async def read_item(request: web.Request) -> web.Response:
    """GET /v1/items/{item_id}."""
    gateway = gateway_of(request)
    return answer(item_body(gateway, gateway.catalog.item(request.match_info["item_id"])))


async def read_creator(request: web.Request) -> web.Response:
    """GET /v1/creators/{name}."""
    gateway = gateway_of(request)
    creator = gateway.catalog.creator(request.match_info["name"])
    pay_url = f"{gateway.config.public_url}/t/{creator.name}"
    return answer(CreatorCard(name=creator.name, title=creator.title, accent=creator.accent, pay_url=pay_url))


async def read_receipt(request: web.Request) -> web.Response:
    """GET /v1/receipt, with the token as Bearer."""
    gateway = gateway_of(request)
    presented = parse_authorization(request.headers.getall("Authorization", ()))
    if not presented:
        raise Unauthorized("token_missing", "Send the invoice's token: Authorization: Bearer <access_token>.")
    _, credential = presented[0]
    return answer(await _receipt(gateway, *await payers_invoice(gateway, credential)))


async def payers_invoice(gateway: Gateway, credential: Credential) -> tuple[Token, Invoice]:
    """A token and its invoice, for the one who paid; what it opens may have ended.

    Raises as `Authorizer.invoice_of` and `check_payer` do, and `NotFound` (`invoice_not_found`).
    """
    token, invoice = await gateway.authorizer.invoice_of(credential)
    check_payer(token, credential.preimage, now=gateway.clock())
    if invoice is None:
        raise NotFound("invoice_not_found", NO_INVOICE)
    return token, invoice


async def _receipt(gateway: Gateway, token: Token, invoice: Invoice) -> ReceiptBody:
    return ReceiptBody(
        payment_hash=invoice.payment_hash,
        item_id=token.item_id,
        tip_to=token.tip_to,
        title=title_of(gateway, token),
        amount_msat=invoice.amount_msat,
        state=invoice.shown_state(gateway.clock()),  # type: ignore[arg-type]  # the four states of the row
        paid_msat=invoice.paid_msat,
        settled_at=None if invoice.settled_at is None else rfc3339(invoice.settled_at),
        preimage=await settled_preimage(gateway, token, invoice),
        recovery_code=await recovery_code(gateway, token, invoice),
        page_url=page_link(gateway, token, invoice) or None,
        shares=await booked_shares(gateway, invoice),
    )


async def booked_shares(gateway: Gateway, invoice: Invoice) -> list[ReceiptShare]:
    """Where each part went, from the ledger; where it will go, before settlement."""
    transfers = await gateway.store.read(lambda tx: tx.ledger.of_payment(invoice.payment_hash))
    parts = [(t.credit_account.removeprefix(CREATOR_PREFIX), int(t.amount_msat)) for t in transfers]
    return [
        ReceiptShare(creator=name, title=account_title(gateway.catalog, name), amount_msat=part)
        for name, part in parts or split(invoice.amount_msat, invoice.shares)
    ]


def account_title(catalog: Catalog, name: str) -> str:
    """A creator's title; the name of who is not known here, and of what is in suspense."""
    return next((creator.title for creator in catalog.creators() if creator.name == name), name)


def item_body(gateway: Gateway, item: Item) -> ItemBody:
    """An item as everyone sees it."""
    creator = gateway.catalog.creator(item.creator)
    return ItemBody(
        id=item.id,
        kind=item.kind.value,
        title=item.title,
        creator=item.creator,
        creator_title=creator.title,
        accent=creator.accent,
        price_msat=item.price_msat,
        preview_html=item.preview_html,
        access_seconds=item.access_seconds,
        media_type=item.media_type,
        byte_size=item.byte_size,
        word_count=item.word_count,
        for_sale=item.state is ItemState.ACTIVE,
        pay_url=f"{gateway.config.public_url}/i/{item.id}",
        page_url=item.page_url,
    )


async def recovery_code(gateway: Gateway, token: Token, invoice: Invoice) -> str | None:
    """The code that opens a purchase elsewhere, for a token as it was minted: it gives another such token.

    None for what is unpaid, for a challenge's invoice, and while the database cannot keep a new code: a receipt without
    it is better than none.
    """
    if not token.as_minted or not has_code(invoice):
        return None
    pinning = begin(code_of(gateway.store, gateway.keys, invoice, now=gateway.now()))
    await asyncio.wait([pinning], timeout=PINNED_WITHIN_SECONDS)
    try:
        return pinning.result() if pinning.done() else None
    except (Unavailable, OutcomeUnknown):
        return None


def page_link(gateway: Gateway, token: Token, invoice: Invoice) -> str:
    """Where a sealed text stands, with a code that hands the purchase over to that page; "" for what is none."""
    item = sold_item(gateway, token)
    if item is None or item.page_url is None:
        return ""
    code = hand_over_code(gateway.keys, token, invoice, now=gateway.now())
    return f"{item.page_url}#{CARRIED}{code}" if code else item.page_url


def sold_item(gateway: Gateway, token: Token) -> Item | None:
    """The item of a token; what was sold after the backup that was restored is not here."""
    return next((each for each in gateway.catalog.items() if each.id == token.item_id), None)


async def settled_preimage(gateway: Gateway, token: Token, invoice: Invoice) -> str | None:
    """The proof of payment, for a token as it was minted. LND alone keeps it: None while that is away."""
    if not token.as_minted or invoice.state is not InvoiceState.SETTLED:
        return None
    try:
        return await gateway.nodes.preimage(invoice)
    except (Unavailable, OutcomeUnknown):
        return None


def title_of(gateway: Gateway, token: Token) -> str:
    """Of what a token was sold for; its name, where a restored backup does not know it."""
    name = token.item_id if token.item_id is not None else token.tip_to
    assert name is not None, "a token is for an item or a tip"
    with suppress(NotFound):
        catalog = gateway.catalog
        return catalog.item(name).title if token.item_id is not None else catalog.creator(name).title
    return name
