"""The use case of every door: a request to buy an item, or to tip a creator, becomes an invoice."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from gateway.access.authorize import Authorizer
from gateway.access.tokens import Credential, mint_token
from gateway.errors import Refused
from gateway.idempotency import idempotency_hash
from gateway.limits.limits import Limits
from gateway.ports.announcer import Announcer
from gateway.ports.clock import Clock
from gateway.ports.keys import KeyRing
from gateway.rows import Creator, Invoice, InvoiceState, Item
from gateway.sales.challenges import Challenges
from gateway.sales.checkout import Checkout, Sold
from gateway.sales.key_locks import KeyLocks
from gateway.sales.terms import Terms, is_outdated, is_reusable, item_terms, tip_terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """The client that asks for an invoice, in the values that its door has read."""

    client_key: str
    """Under which the limits count the client; see `ClientKeys`."""
    foreign_origin: str = ""
    """The origin of a page of another site that asks through its visitor's browser; "" for any other client."""
    idempotency_key: str | None = None
    credentials: Sequence[tuple[str, Credential]] = ()
    """Each with the text that carried it, as `Authorizer.authorize` takes them."""
    earlier: Sequence[Invoice] = ()
    """Invoices for which the client holds a token as it was minted, besides those of `credentials`."""


class Sales:
    """Sells items and takes tips, within the limits."""

    def __init__(
        self,
        checkout: Checkout,
        challenges: Challenges,
        authorizer: Authorizer,
        limits: Limits,
        keys: KeyRing,
        clock: Clock,
        announcer: Announcer,
        *,
        public_host: str,
    ) -> None:
        self._checkout, self._challenges, self._authorizer = checkout, challenges, authorizer
        self._limits, self._keys, self._clock, self._announcer = limits, keys, clock, announcer
        self._public_host = public_host
        self._key_locks = KeyLocks()

    async def buy(self, item: Item, creator: Creator, buyer: Buyer) -> Sold:
        """The invoice that the buyer's token or idempotency key already has, else a new one.

        A new one replaces the buyer's open invoices at another price; if one of those was paid meanwhile, it is
        returned instead.

        Raises `NotFound` (`item_archived`, `item_empty`), `Invalid` (`idempotency_key_invalid`), `TooMany`,
        `Unavailable` (among others `invoice_still_open`) and `OutcomeUnknown`.
        """
        return await self.sell(item_terms(item, creator, public_host=self._public_host), buyer)

    async def tip(self, creator: Creator, buyer: Buyer, *, amount_msat: int, message: str, name: str) -> Sold:
        """As `buy`, for a tip; but a settled tip is never returned for its token.

        Raises `Invalid` (`tip_invalid`) and `Conflict` (`idempotency_key_reused`) too.
        """
        terms = tip_terms(creator, amount_msat=amount_msat, message=message, name=name, public_host=self._public_host)
        return await self.sell(terms, buyer)

    async def challenge(self, item: Item, creator: Creator, buyer: Buyer) -> Sold:
        """The client's open challenge of the item, else a new one, each time with a fresh token.

        Of concurrent requests, the first makes the invoice and the others return it too.

        Raises `NotFound` (`item_archived`, `item_empty`), `TooMany`, `Unavailable`, `OutcomeUnknown`.
        """
        terms = item_terms(item, creator, public_host=self._public_host)
        await self._checkout.check_content(terms)
        async with self._challenges.locks.lock(f"{buyer.client_key} {item.id}"):
            open_one = self._challenges.find(buyer.client_key, item.id, terms.amount_msat)
            invoice = open_one or await self._new_challenge(terms, buyer)
        return Sold(invoice=invoice, token=mint_token(self._keys, invoice), fresh=open_one is None)

    async def sell(self, terms: Terms, buyer: Buyer) -> Sold:
        """As `buy` and `tip`, on terms that were made before."""
        key_hash = idempotency_hash(self._keys, _key_subject(terms), buyer.idempotency_key)
        presented = await self._presented(buyer.credentials)
        for own in presented:
            if is_reusable(terms, own.invoice, now=self._clock()):
                return await self._again(terms, own)
        invoices = [*buyer.earlier, *(own.invoice for own in presented)]
        outdated = [invoice for invoice in invoices if is_outdated(terms, invoice, now=self._clock())]
        if key_hash is None:
            return await self._new(terms, None, outdated, buyer)
        async with self._key_locks.lock(key_hash):
            if (earlier := await self._checkout.find(terms, key_hash)) is not None:
                return await self._again(terms, earlier)
            return await self._new(terms, key_hash, outdated, buyer)

    async def _new(self, terms: Terms, key_hash: str | None, outdated: Sequence[Invoice], buyer: Buyer) -> Sold:
        await self._checkout.check_content(terms)
        with self._limits.reserve(buyer.client_key, terms.subject, buyer.foreign_origin) as reservation:
            sold = await self._checkout.withdraw(outdated) or await self._checkout.create(terms, key_hash)
            if sold.fresh:
                reservation.issued(sold.invoice.payment_hash)
                self._announcer.issued(sold.invoice)
        return sold

    async def _new_challenge(self, terms: Terms, buyer: Buyer) -> Invoice:
        with self._limits.reserve(buyer.client_key, terms.subject, buyer.foreign_origin) as reservation:
            invoice = await self._checkout.challenge(terms)
            reservation.issued(invoice.payment_hash)
        self._challenges.keep(buyer.client_key, invoice)
        self._announcer.issued(invoice)
        return invoice

    async def _again(self, terms: Terms, earlier: Sold) -> Sold:
        if earlier.invoice.state is InvoiceState.OPEN:
            await self._checkout.check_content(terms)
        return earlier

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


def _key_subject(terms: Terms) -> str:
    """What an idempotency key is for, as its stored hash has it."""
    return f"item:{terms.item_id}" if terms.item_id is not None else f"tip:{terms.tip_to}"
