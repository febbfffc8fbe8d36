"""The terms of a sale: item or tip, amount, shares, access time and memo. An invoice pins them when it is made."""

from dataclasses import dataclass, replace

from gateway.access.tokens import access_ends_at
from gateway.catalog.rules import MOST_MEMO_BYTES, for_sale
from gateway.errors import Invalid
from gateway.money import MAX_MSAT, MSAT_PER_SAT, Msat
from gateway.rows import Creator, Invoice, InvoiceState, Item, ItemState, Origin, Share, TipNote

MOST_TIP_MSAT = Msat(100_000_000 * MSAT_PER_SAT)
MOST_MESSAGE_CHARACTERS = 500
MOST_NAME_CHARACTERS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The values that an invoice pins, with its memo and tip note."""

    item_id: str | None
    tip_to: str | None
    amount_msat: Msat
    shares: tuple[Share, ...]
    access_seconds: int | None
    memo: str
    note: TipNote | None = None
    content: tuple[str, int] | None = None
    """Digest and size in bytes of the content that a payment opens; None for a tip."""

    @property
    def subject(self) -> str:
        """The key under which the limits count invoices for this item, or tips to this creator."""
        return self.item_id or f"@{self.tip_to}"


def item_terms(item: Item, creator: Creator, *, public_host: str) -> Terms:
    """The terms on which an item is sold now. Raises `NotFound` (`item_archived`, `item_empty`)."""
    for_sale(item)
    return Terms(
        item_id=item.id,
        tip_to=None,
        amount_msat=item.price_msat,
        shares=item.shares,
        access_seconds=item.access_seconds,
        memo=item.memo or _memo(creator, public_host),
        content=(item.digest, item.byte_size),
    )


def tip_terms(creator: Creator, *, amount_msat: int, message: str, name: str, public_host: str) -> Terms:
    """The terms of a tip with an optional message and name. Raises `Invalid` (`tip_invalid`)."""
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
        memo=_memo(creator, public_host),
        note=TipNote(payment_hash="", message=message, name=name) if message or name else None,
    )


def is_reusable(terms: Terms, invoice: Invoice, *, now: float) -> bool:
    """Whether a buyer's invoice serves instead of a new one: it opens the item, or is open at the same price."""
    if not _is_for(terms, invoice):
        return False
    if invoice.refunded_at is not None:
        return False
    if invoice.state is InvoiceState.SETTLED:
        ends_at = access_ends_at(invoice)
        # A second tip is a new payment, never the first one again.
        return invoice.tip_to is None and (ends_at is None or now < ends_at)
    return invoice.shown_state(now) == "open" and invoice.amount_msat == terms.amount_msat


def is_outdated(terms: Terms, invoice: Invoice, *, now: float) -> bool:
    """Whether a buyer's invoice can still be paid at another price."""
    is_open = invoice.shown_state(now) == "open"
    return _is_for(terms, invoice) and is_open and invoice.amount_msat != terms.amount_msat


def are_current(item: Item, invoice: Invoice) -> bool:
    """Whether the item is still sold on the terms of an invoice."""
    pinned = ((each.shares, each.access_seconds) for each in (item, invoice))
    return item.state is ItemState.ACTIVE and item.price_msat == invoice.amount_msat and len(set(pinned)) == 1


def renewed(terms: Terms, item: Item) -> Terms:
    """The terms, updated to those of a changed item."""
    values = {"amount_msat": item.price_msat, "shares": item.shares, "access_seconds": item.access_seconds}
    content = item.digest, item.byte_size
    return replace(terms, **values, memo=item.memo or terms.memo, content=content)  # type: ignore[arg-type]  # its own type each


def note_fault(message: str, name: str) -> str:
    """The fault of a tip's message and name, for the person who typed them; "" if there is none."""
    if is_too_long(message, name):
        return f"Shorten it: a message has {MOST_MESSAGE_CHARACTERS} characters, a name {MOST_NAME_CHARACTERS}."
    return "Remove the character U+0000 from message and name." if "\0" in message + name else ""


def is_too_long(message: str, name: str) -> bool:
    """Whether a tip's message or name is too long. A line end counts as one character."""
    message, name = _with_plain_line_ends(message), _with_plain_line_ends(name)
    return len(message) > MOST_MESSAGE_CHARACTERS or len(name) > MOST_NAME_CHARACTERS


def _memo(creator: Creator, public_host: str) -> str:
    return f"{creator.title} · {public_host}".encode()[:MOST_MEMO_BYTES].decode("utf-8", "ignore")


def _with_plain_line_ends(text: str) -> str:
    # Forms send each line end as two characters.
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _is_for(terms: Terms, invoice: Invoice) -> bool:
    subjects = ((each.item_id, each.tip_to) for each in (terms, invoice))
    return invoice.origin is Origin.CHECKOUT and len(set(subjects)) == 1
