"""The items of a simulated day, and an invoice that a reader holds."""

from dataclasses import dataclass

from gateway.rows import Invoice

ITEMS = ("welcome", "for-an-hour")


@dataclass(slots=True)
class Sale:
    """An invoice that a reader holds."""

    invoice: Invoice
    token: bytes
    bought_at: float
    """The right time, not the gateway's."""
    preimage: bytes | None = None
    told_at: float | None = None
