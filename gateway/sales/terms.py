"""What an invoice will pin: item or tip, amount, shares, paid time."""

from dataclasses import dataclass, replace

from gateway.money import Msat
from gateway.rows import Invoice, Item, ItemState, Share, TipNote


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What an invoice will pin."""

    item_id: str | None
    tip_to: str | None
    amount_msat: Msat
    shares: tuple[Share, ...]
    access_seconds: int | None
    memo: str
    note: TipNote | None = None
    content: tuple[str, int] | None = None
    """Digest and size in bytes of what a payment opens; None for a tip."""

    @property
    def subject(self) -> str:
        """The key under which limits count invoices of this item, or tips to this creator."""
        return self.item_id or f"@{self.tip_to}"


def sold_so(item: Item, invoice: Invoice) -> bool:
    """Whether the item is still sold on the terms of an invoice."""
    terms = ((each.shares, each.access_seconds) for each in (item, invoice))
    return item.state is ItemState.ACTIVE and item.price_msat == invoice.amount_msat and len(set(terms)) == 1


def renewed(offer: Terms, item: Item) -> Terms:
    """The offer on the terms that the item has now."""
    terms = {"amount_msat": item.price_msat, "shares": item.shares, "access_seconds": item.access_seconds}
    content = item.digest, item.byte_size
    return replace(offer, **terms, memo=item.memo or offer.memo, content=content)  # type: ignore[arg-type]  # its own type each
