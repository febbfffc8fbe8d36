"""When LND's report of each recent settlement arrived; the demo's wallet shows how long opening the content took."""

from collections import OrderedDict
from collections.abc import Sequence

from gateway.rows import Invoice

MOST_REMEMBERED = 10_000


class Arrivals:
    """Satisfies `ports.announcer.Announcer`. Only the newest are remembered."""

    def __init__(self) -> None:
        self._arrived_at: OrderedDict[str, float] = OrderedDict()

    def seen_at(self, payment_hash: str) -> float | None:
        """Unix seconds with their fraction; None when this process saw no settlement of this invoice of late."""
        return self._arrived_at.get(payment_hash)

    def settled(self, invoices: Sequence[Invoice], *, arrived_at: float) -> None:
        for invoice in invoices:
            self._arrived_at[invoice.payment_hash] = arrived_at
            if len(self._arrived_at) > MOST_REMEMBERED:
                self._arrived_at.popitem(last=False)

    def issued(self, invoice: Invoice) -> None:
        """Not of interest here."""

    def settled_elsewhere(self, payment_hash: str) -> None:
        """Not of interest here."""

    def canceled(self, payment_hash: str) -> None:
        """Not of interest here."""
