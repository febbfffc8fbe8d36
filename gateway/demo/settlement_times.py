"""Records when LND reported each settlement, so that the demo's wallet can show how long the content took to open."""

from collections import OrderedDict
from collections.abc import Sequence

from gateway.rows import Invoice
from gateway.rows.payouts import Try

MOST_REMEMBERED = 10_000


class SettlementTimes:
    """An `Announcer` that keeps the arrival times of the newest settlements."""

    def __init__(self) -> None:
        self._arrived_at: OrderedDict[str, float] = OrderedDict()

    def reported_at(self, payment_hash: str) -> float | None:
        """The arrival time in unix seconds with a fraction, or None if it is not recorded in this process."""
        return self._arrived_at.get(payment_hash)

    def settled(self, invoices: Sequence[Invoice], *, arrived_at: float) -> None:
        for invoice in invoices:
            self._arrived_at[invoice.payment_hash] = arrived_at
            if len(self._arrived_at) > MOST_REMEMBERED:
                self._arrived_at.popitem(last=False)

    def issued(self, invoice: Invoice) -> None:
        """Not recorded."""

    def settled_elsewhere(self, payment_hash: str) -> None:
        """Not recorded."""

    def canceled(self, payment_hash: str) -> None:
        """Not recorded."""

    def paid_out(self, try_: Try) -> None:
        """Not recorded."""
