"""The use case of every door: a request to buy an item, or to tip a creator, becomes an invoice."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from gateway.access.authorize import Authorizer
from gateway.access.tokens import Credential, mint_token
from gateway.errors import Refused
from gateway.limits.limits import Limits
from gateway.ports.announcer import Announcer
from gateway.ports.keys import KeyRing
from gateway.rows import Creator, Invoice, InvoiceState, Item
from gateway.sales.challenges import Challenges
from gateway.sales.checkout import Checkout, Sold, check_idempotency_key
from gateway.sales.terms import Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """The client that asks for an invoice, in the values that its door has read."""

    client_key: str
    foreign_origin: str = ""
    """The origin of a page of another site that asks through its visitor's browser; "" for any other client."""
    idempotency_key: str | None = None
    credentials: Sequence[tuple[str, Credential]] = ()
    """Each with the text that carried it, as `Authorizer.authorize` takes them."""
    earlier: Sequence[Invoice] = ()
    """Invoices for which the client holds a token as it was minted, besides those of `credentials`."""


class Purchases:
    """Sells items and takes tips, within the limits."""

    def __init__(
        self,
        checkout: Checkout,
        challenges: Challenges,
        authorizer: Authorizer,
        limits: Limits,
        keys: KeyRing,
        announcer: Announcer,
    ) -> None:
        self._checkout, self._challenges, self._authorizer = checkout, challenges, authorizer
        self._limits, self._keys, self._announcer = limits, keys, announcer

    async def buy(self, item: Item, creator: Creator, buyer: Buyer) -> Sold:
        """The invoice that the buyer's token or key already has, else a new one.

        A new one replaces the buyer's open invoices at another price.

        Raises `NotFound` (`item_archived`, `item_empty`), `TooMany`, and as `Checkout.create` does.
        """
        return await self._sell(self._checkout.item_terms(item, creator), buyer)

    async def tip(self, creator: Creator, buyer: Buyer, *, amount_msat: int, message: str, name: str) -> Sold:
        """As `buy`, for a tip. A settled tip is never returned again.

        Raises `Invalid` (`tip_invalid`), `TooMany`, and as `Checkout.create` does.
        """
        offer = self._checkout.tip_terms(creator, amount_msat=amount_msat, message=message, name=name)
        return await self._sell(offer, buyer)

    async def challenge(self, item: Item, creator: Creator, buyer: Buyer) -> Sold:
        """The client's open challenge of the item, else a new one, each time with a fresh token.

        Of several requests at once, the first makes the invoice and the others return it too.

        Raises `NotFound` (`item_archived`, `item_empty`), `TooMany`, `Unavailable`, `OutcomeUnknown`.
        """
        offer = self._checkout.item_terms(item, creator)
        await self._checkout.must_open(offer)
        async with self._challenges.turns.turn(f"{buyer.client_key} {item.id}"):
            invoice = self._challenges.known(buyer.client_key, item.id, offer.amount_msat)
            is_new = invoice is None
            if invoice is None:
                with self._limits.invoice(buyer.client_key, item.id, buyer.foreign_origin) as place:
                    place.take()
                    invoice = await self._checkout.challenge(offer)
                    place.issued(invoice.payment_hash)
                self._challenges.keep(buyer.client_key, invoice)
                self._announcer.issued(invoice)
        return Sold(invoice=invoice, token=mint_token(self._keys, invoice), fresh=is_new)

    async def _sell(self, offer: Terms, buyer: Buyer) -> Sold:
        check_idempotency_key(buyer.idempotency_key)
        presented = await self._presented(buyer.credentials)
        for own in presented:
            if self._checkout.reuse(offer, own.invoice):
                if own.invoice.state is InvoiceState.OPEN:
                    await self._checkout.must_open(offer)
                return own
        earlier = [*buyer.earlier, *(own.invoice for own in presented)]
        outdated = [invoice for invoice in earlier if self._checkout.is_outdated(offer, invoice)]
        with self._limits.invoice(buyer.client_key, offer.subject, buyer.foreign_origin) as place:
            sold = await self._checkout.create(
                offer, idempotency_key=buyer.idempotency_key, outdated=outdated, place=place
            )
            if sold.fresh:
                place.issued(sold.invoice.payment_hash)
                self._announcer.issued(sold.invoice)
        for invoice in outdated:
            self._announcer.canceled(invoice.payment_hash)
        return sold

    async def _presented(self, credentials: Sequence[tuple[str, Credential]]) -> list[Sold]:
        """The invoices of the credentials: settled ones if they open the item now, open ones for tokens as minted."""
        presented = []
        for text, credential in credentials:
            with suppress(Refused):
                token, invoice = await self._authorizer.invoice_of(credential)
                if invoice is not None and invoice.item_id is not None and invoice.settled_at is not None:
                    await self._authorizer.authorize([(text, credential)], invoice.item_id)
                elif not token.as_minted:
                    continue
                if invoice is not None:
                    presented.append(Sold(invoice=invoice, token=credential.macaroon, fresh=False))
        return presented
