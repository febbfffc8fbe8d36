"""Makes invoices: first at the node, then as a row, so that a crash in between leaves one that nobody has seen."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from gateway.access.tokens import mint_token
from gateway.catalog.rules import for_sale
from gateway.errors import Conflict, OutcomeUnknown, Unavailable
from gateway.nodes.pool import Nodes
from gateway.ports.clock import Clock
from gateway.ports.contents import Contents
from gateway.ports.keys import KeyRing
from gateway.ports.random_bytes import RandomBytes
from gateway.ports.store import Store, Tx
from gateway.rows import Invoice, InvoiceState, Item, Origin, TipNote
from gateway.sales.terms import Terms, are_current, renewed
from gateway.settlement.recheck import Rechecker

PREIMAGE_BYTES = 32
_TRIES = 3

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sold:
    """An invoice and a token for it; `fresh` if the node issued it for this request."""

    invoice: Invoice
    token: bytes
    fresh: bool


class Checkout:
    """Makes invoices and withdraws those that are outdated."""

    def __init__(
        self,
        nodes: Nodes,
        rechecker: Rechecker,
        store: Store,
        keys: KeyRing,
        clock: Clock,
        random_bytes: RandomBytes,
        *,
        expiry_seconds: int,
        contents: Contents | None = None,
    ) -> None:
        self._nodes, self._rechecker, self._store, self._keys = nodes, rechecker, store, keys
        self._clock, self._random_bytes = clock, random_bytes
        self._expiry_seconds = expiry_seconds
        self._contents = contents
        self._store_refused = False

    async def create(self, terms: Terms, idempotency_hash: str | None = None) -> Sold:
        """A new invoice for a buyer; the earlier one if its idempotency key is taken meanwhile.

        Raises `Conflict` (`idempotency_key_reused`), `NotFound` (`item_archived`), `Unavailable`, `OutcomeUnknown`.
        """
        invoice, is_kept = await self._issue_and_keep(terms, Origin.CHECKOUT, idempotency_hash)
        if is_kept:
            return self._sold(invoice, fresh=True)
        assert idempotency_hash is not None, "a fresh payment hash is only refused for its idempotency key"
        # Two replicas were asked with one key: the constraint chose the other, and nobody has seen this invoice.
        earlier = await self.find(terms, idempotency_hash)
        assert earlier is not None, "the row that refused ours is there"
        return earlier

    async def challenge(self, terms: Terms) -> Invoice:
        """A new invoice for a challenge. Raises `NotFound` (`item_archived`), `Unavailable`, `OutcomeUnknown`."""
        assert terms.item_id is not None, "only items are challenged"
        invoice, is_kept = await self._issue_and_keep(terms, Origin.CHALLENGE, None)
        assert is_kept, "nobody is asked to pay what has no row"
        return invoice

    async def find(self, terms: Terms, idempotency_hash: str) -> Sold | None:
        """The invoice that was made under an idempotency key, in whatever state, with a fresh token.

        Raises `Conflict` (`idempotency_key_reused`) if it was a tip of another amount.
        """
        invoice = await self._store.read(lambda tx: tx.invoices.by_idempotency(idempotency_hash))
        if invoice is None:
            return None
        if invoice.tip_to is not None and invoice.amount_msat != terms.amount_msat:
            raise Conflict(
                "idempotency_key_reused", "This Idempotency-Key was used for another amount; choose a new one."
            )
        return self._sold(invoice, fresh=False)

    async def withdraw(self, outdated: Sequence[Invoice]) -> Sold | None:
        """Cancel invoices, so that nobody can pay them any more; the first that was paid meanwhile is returned.

        Raises `Unavailable` (among others `invoice_still_open`: its node did not cancel one) and `OutcomeUnknown`.
        """
        for each in outdated:
            invoice = await self._rechecker.cancel(each)
            if invoice.state is InvoiceState.SETTLED:
                return self._sold(invoice, fresh=False)
            if invoice.state is InvoiceState.OPEN and await self._rechecker.may_be_paid(invoice):
                detail = "Your earlier invoice can still be paid, at its own price. Pay that one, or try again later."
                raise Unavailable("invoice_still_open", detail, retry_after_seconds=5)
        return None

    async def check_content(self, terms: Terms) -> None:
        """Check that an item's content is here, before money is taken. Raises `Unavailable` (`content_missing`)."""
        if terms.content is not None and self._contents is not None:
            await self._contents.check(*terms.content)

    async def _issue_and_keep(self, terms: Terms, origin: Origin, idempotency_hash: str | None) -> tuple[Invoice, bool]:
        """An invoice on the terms that hold when its row is written, and whether it has that row: its key may be taken.

        Another replica may have changed the item a moment ago. Then the invoice, which nobody has seen, is canceled.
        """
        for _ in range(_TRIES):
            invoice = await self._issue(terms, origin, idempotency_hash)
            is_kept, changed = await self._write(partial(_keep, invoice=invoice, note=terms.note))
            if changed is None:
                return invoice, is_kept
            with suppress(Unavailable, OutcomeUnknown):
                await self._nodes[invoice.node_id].node.cancel(invoice.payment_hash)
            terms = renewed(terms, for_sale(changed))
            await self.check_content(terms)
        raise Unavailable("item_changing", "The item is being changed; try again.", retry_after_seconds=1)

    async def _issue(self, terms: Terms, origin: Origin, idempotency_hash: str | None) -> Invoice:
        if self._store_refused:
            # An invoice without a row stays at the node until it expires, so the database must write again first.
            await self._write(lambda tx: tx.probe_write())
        created_at = int(self._clock())
        node_id, issued = await self._nodes.add_invoice(
            lambda: self._random_bytes(PREIMAGE_BYTES),
            amount_msat=terms.amount_msat,
            memo=terms.memo,
            expiry_seconds=self._expiry_seconds,
        )
        return Invoice(
            payment_hash=issued.payment_hash,
            node_id=node_id,
            add_index=issued.add_index,
            payment_request=issued.payment_request,
            item_id=terms.item_id,
            tip_to=terms.tip_to,
            amount_msat=terms.amount_msat,
            shares=terms.shares,
            access_seconds=terms.access_seconds,
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

    def _sold(self, invoice: Invoice, *, fresh: bool) -> Sold:
        return Sold(invoice=invoice, token=mint_token(self._keys, invoice), fresh=fresh)


def _keep(tx: Tx, *, invoice: Invoice, note: TipNote | None) -> tuple[bool, Item | None]:
    """Write the row, unless its key is taken; without writing, return the item if it is sold on other terms now."""
    if not tx.invoices.insert_if_current(invoice):
        item = None if invoice.item_id is None else tx.items.get(invoice.item_id)
        if item is not None and not are_current(item, invoice):
            return False, item
        if not tx.invoices.insert(invoice):
            return False, None
    if note is not None:
        tx.tip_notes.insert(TipNote(payment_hash=invoice.payment_hash, message=note.message, name=note.name))
    return True, None
