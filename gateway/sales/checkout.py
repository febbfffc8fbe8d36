"""From a request to an invoice: the node first, our row second, so that a crash leaves an invoice nobody has seen."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from gateway.access.tokens import access_ends_at, mint_token
from gateway.catalog.rules import MOST_MEMO_BYTES, for_sale
from gateway.errors import Conflict, Invalid, OutcomeUnknown, Unavailable
from gateway.limits.limits import Place
from gateway.money import MAX_MSAT, MSAT_PER_SAT, Msat
from gateway.nodes.pool import Nodes
from gateway.ports.clock import Clock
from gateway.ports.contents import Contents
from gateway.ports.keys import KeyRing
from gateway.ports.random_bytes import RandomBytes
from gateway.ports.store import Store, Tx
from gateway.rows import Creator, Invoice, InvoiceState, Item, Origin, Share, TipNote
from gateway.sales.key_locks import Turns
from gateway.sales.terms import Terms, renewed, sold_so
from gateway.settlement.recheck import Rechecker

PREIMAGE_BYTES = 32
IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9_-]{22,64}")
MOST_TIP_MSAT = Msat(100_000_000 * MSAT_PER_SAT)
MOST_MESSAGE_CHARACTERS = 500
MOST_NAME_CHARACTERS = 80
_TRIES = 3

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sold:
    """An invoice and a token for it; `fresh` when the node was asked for it just now."""

    invoice: Invoice
    token: bytes
    fresh: bool


class Checkout:
    """Issues invoices."""

    def __init__(
        self,
        nodes: Nodes,
        rechecker: Rechecker,
        store: Store,
        keys: KeyRing,
        clock: Clock,
        random_bytes: RandomBytes,
        *,
        public_host: str,
        expiry_seconds: int,
        contents: Contents | None = None,
    ) -> None:
        self._nodes, self._rechecker, self._store, self._keys = nodes, rechecker, store, keys
        self._clock, self._random_bytes = clock, random_bytes
        self._public_host, self._expiry_seconds = public_host, expiry_seconds
        self._contents = contents
        self._store_refused = False
        self._turns = Turns()

    def item_terms(self, item: Item, creator: Creator) -> Terms:
        """What buying an item pins. Raises `NotFound` (`item_archived`)."""
        for_sale(item)
        return Terms(
            item_id=item.id,
            tip_to=None,
            amount_msat=item.price_msat,
            shares=item.shares,
            access_seconds=item.access_seconds,
            memo=item.memo or self._memo(creator),
            content=(item.digest, item.byte_size),
        )

    def tip_terms(self, creator: Creator, *, amount_msat: int, message: str, name: str) -> Terms:
        """What a tip pins. Raises `Invalid` (`tip_invalid`)."""
        if not MSAT_PER_SAT <= amount_msat <= min(MOST_TIP_MSAT, MAX_MSAT) or amount_msat % MSAT_PER_SAT:
            most_sat = MOST_TIP_MSAT // MSAT_PER_SAT
            raise Invalid("tip_invalid", f"Choose an amount of whole sats, 1 to {most_sat:,} (amount_msat: 1000 each).")
        message, name = _with_plain_line_ends(message), _with_plain_line_ends(name)
        if fault := note_fault(message, name):
            raise Invalid("tip_invalid", fault)
        return Terms(
            item_id=None,
            tip_to=creator.name,
            amount_msat=Msat(amount_msat),
            shares=(Share(creator=creator.name, weight=1),),
            access_seconds=None,
            memo=self._memo(creator),
            note=TipNote(payment_hash="", message=message, name=name) if message or name else None,
        )

    async def must_open(self, offer: Terms) -> None:
        """No money is taken for what would not open. Raises `Unavailable` (`content_missing`)."""
        if offer.content is not None and self._contents is not None:
            await self._contents.check(*offer.content)

    async def create(
        self,
        offer: Terms,
        *,
        idempotency_key: str | None,
        outdated: Sequence[Invoice] = (),
        place: Place | None = None,
    ) -> Sold:
        """A reader's own invoice; a repeated key returns the same one. A new one is counted with `place` first.

        A new one replaces the reader's `outdated` ones, which nobody can pay any more then; if one of those was paid
        meanwhile, it is returned instead.

        Raises `TooMany`, `Invalid` (`idempotency_key_invalid`), `Conflict` (`idempotency_key_reused`), `Unavailable`
        (among them `invoice_still_open`: an outdated one can still be paid) and `OutcomeUnknown`.
        """
        idempotency_hash = self._idempotency_hash(offer, idempotency_key)
        if idempotency_hash is None:
            return await self._create(offer, None, outdated, place)
        async with self._turns.turn(idempotency_hash):
            earlier = await self._store.read(lambda tx: tx.invoices.by_idempotency(idempotency_hash))
            if earlier is not None:
                if earlier.state is InvoiceState.OPEN:
                    await self.must_open(offer)
                return self._again(offer, earlier)
            return await self._create(offer, idempotency_hash, outdated, place)

    def reuse(self, offer: Terms, invoice: Invoice) -> bool:
        """Whether the invoice of a presented token still is this offer's: opening the item, or open at its price."""
        if not _is_for(offer, invoice):
            return False
        now = self._clock()
        if invoice.state is InvoiceState.SETTLED:
            ends_at = access_ends_at(invoice)
            # A second tip is a second gift, never the first one again.
            return invoice.tip_to is None and (ends_at is None or now < ends_at)
        return invoice.shown_state(now) == "open" and invoice.amount_msat == offer.amount_msat

    def is_outdated(self, offer: Terms, invoice: Invoice) -> bool:
        """Whether the invoice of a presented token can still be paid, at another price than this offer's."""
        is_open = invoice.shown_state(self._clock()) == "open"
        return _is_for(offer, invoice) and is_open and invoice.amount_msat != offer.amount_msat

    async def challenge(self, offer: Terms) -> Invoice:
        """An invoice for a challenge, which opens on its preimage only. Raises `Unavailable`, `OutcomeUnknown`."""
        assert offer.item_id is not None, "only items are challenged"
        await self.must_open(offer)
        invoice, kept = await self._issue_and_keep(offer, Origin.CHALLENGE, None)
        assert kept, "nobody is asked to pay what has no row"
        return invoice

    async def _create(
        self, offer: Terms, idempotency_hash: str | None, outdated: Sequence[Invoice], place: Place | None
    ) -> Sold:
        await self.must_open(offer)
        if place is not None:
            place.take()
        for each in outdated:
            withdrawn = await self._rechecker.cancel(each)
            if withdrawn.state is InvoiceState.SETTLED:
                return Sold(invoice=withdrawn, token=mint_token(self._keys, withdrawn), fresh=False)
            if withdrawn.state is InvoiceState.OPEN and await self._rechecker.may_be_paid(withdrawn):
                detail = "Your earlier invoice can still be paid, at its own price. Pay that one, or try again later."
                raise Unavailable("invoice_still_open", detail, retry_after_seconds=5)
        invoice, kept = await self._issue_and_keep(offer, Origin.CHECKOUT, idempotency_hash)
        if kept:
            return Sold(invoice=invoice, token=mint_token(self._keys, invoice), fresh=True)
        assert idempotency_hash is not None, "a fresh payment hash is only refused for its idempotency key"
        # Two requests with one key at two replicas: the constraint chose the other; nobody has seen this one's invoice.
        winner = await self._store.read(lambda tx: tx.invoices.by_idempotency(idempotency_hash))
        assert winner is not None, "the row that refused ours is there"
        return self._again(offer, winner)

    async def _issue_and_keep(self, offer: Terms, origin: Origin, idempotency_hash: str | None) -> tuple[Invoice, bool]:
        """An invoice for what is sold when its row is written, and whether it has that row: its key may be taken.

        Another replica may have changed the item a moment ago: then the invoice, which nobody has seen, is withdrawn.
        """
        for _ in range(_TRIES):
            invoice = await self._issue(offer, origin, idempotency_hash)
            kept, newest = await self._write(partial(_keep, invoice=invoice, note=offer.note))
            if newest is None:
                return invoice, kept
            with suppress(Unavailable, OutcomeUnknown):
                await self._nodes[invoice.node_id].node.cancel(invoice.payment_hash)
            offer = renewed(offer, for_sale(newest))
            await self.must_open(offer)
        raise Unavailable("item_changing", "What is sold is being changed; try again.", retry_after_seconds=1)

    async def _issue(self, offer: Terms, origin: Origin, idempotency_hash: str | None) -> Invoice:
        if self._store_refused:
            # An invoice without a row stays at the node until it expires, so the database must write again first.
            await self._write(lambda tx: tx.probe_write())
        created_at = int(self._clock())
        node_id, issued = await self._nodes.add_invoice(
            lambda: self._random_bytes(PREIMAGE_BYTES),
            amount_msat=offer.amount_msat,
            memo=offer.memo,
            expiry_seconds=self._expiry_seconds,
        )
        return Invoice(
            payment_hash=issued.payment_hash,
            node_id=node_id,
            add_index=issued.add_index,
            payment_request=issued.payment_request,
            item_id=offer.item_id,
            tip_to=offer.tip_to,
            amount_msat=offer.amount_msat,
            shares=offer.shares,
            access_seconds=offer.access_seconds,
            origin=origin,
            idempotency_hash=idempotency_hash,
            state=InvoiceState.OPEN,
            created_at=created_at,
            expires_at=created_at + self._expiry_seconds,
        )

    async def _write(self, work: Callable[[Tx], T]) -> T:
        try:
            written = await self._store.write(work)
        except (Unavailable, OutcomeUnknown):
            self._store_refused = True
            raise
        self._store_refused = False
        return written

    def _again(self, offer: Terms, earlier: Invoice) -> Sold:
        if earlier.tip_to is not None and earlier.amount_msat != offer.amount_msat:
            raise Conflict(
                "idempotency_key_reused", "This Idempotency-Key was used for another amount; choose a new one."
            )
        return Sold(invoice=earlier, token=mint_token(self._keys, earlier), fresh=False)

    def _idempotency_hash(self, offer: Terms, key: str | None) -> str | None:
        check_idempotency_key(key)
        if key is None:
            return None
        subject = f"item:{offer.item_id}" if offer.item_id is not None else f"tip:{offer.tip_to}"
        return self._keys.keyed_hash("idempotency", f"{subject}\0{key}")

    def _memo(self, creator: Creator) -> str:
        return f"{creator.title} · {self._public_host}".encode()[:MOST_MEMO_BYTES].decode("utf-8", "ignore")


def note_fault(message: str, name: str) -> str:
    """What is wrong with the words beside a tip; empty where nothing is."""
    if is_too_long(message, name):
        return f"Shorten it: a message has {MOST_MESSAGE_CHARACTERS} characters, a name {MOST_NAME_CHARACTERS}."
    return "Remove the character U+0000 from message and name." if "\0" in message + name else ""


def is_too_long(message: str, name: str) -> bool:
    """Whether the words beside a tip are too many. A line end counts as one character."""
    message, name = _with_plain_line_ends(message), _with_plain_line_ends(name)
    return len(message) > MOST_MESSAGE_CHARACTERS or len(name) > MOST_NAME_CHARACTERS


def check_idempotency_key(key: str | None) -> None:
    """Raises `Invalid` (`idempotency_key_invalid`)."""
    if key is not None and not IDEMPOTENCY_KEY.fullmatch(key):
        raise Invalid(
            "idempotency_key_invalid", "Idempotency-Key must be 22 to 64 random characters of A-Z a-z 0-9 - _"
        )


def _with_plain_line_ends(text: str) -> str:
    """Forms send each line end as two characters."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _is_for(offer: Terms, invoice: Invoice) -> bool:
    subjects = ((each.item_id, each.tip_to) for each in (offer, invoice))
    return invoice.origin is Origin.CHECKOUT and len(set(subjects)) == 1


def _keep(tx: Tx, *, invoice: Invoice, note: TipNote | None) -> tuple[bool, Item | None]:
    """Whether the row was written; and the item, where it is no longer sold so."""
    item = None if invoice.item_id is None else tx.items.get(invoice.item_id)
    if item is not None and not sold_so(item, invoice):
        return False, item
    if not tx.invoices.insert(invoice):
        return False, None
    if note is not None:
        tx.tip_notes.insert(TipNote(payment_hash=invoice.payment_hash, message=note.message, name=note.name))
    return True, None
