"""Announces to this process what a committed transaction changed.

An announcement is lossy, as a process may stop between commit and announcement; what must not be lost is a row.
"""

from collections.abc import Sequence
from typing import Protocol

from gateway.rows import Invoice
from gateway.rows.payouts import Try


class Announcer(Protocol):
    """Is called after a commit, never before one. No method waits or raises."""

    def issued(self, invoice: Invoice) -> None:
        """A node issued this invoice, and its row is written."""

    def settled(self, invoices: Sequence[Invoice], *, arrived_at: float) -> None:
        """One commit settled these invoices; `arrived_at` (Unix seconds) is when LND's report of them arrived."""

    def settled_elsewhere(self, payment_hash: str) -> None:
        """Some process on this database settled this invoice, perhaps this one."""

    def canceled(self, payment_hash: str) -> None:
        """LND canceled this invoice."""

    def paid_out(self, try_: Try) -> None:
        """A node paid this try of a payout, and one commit of this process booked it, with its fee."""
