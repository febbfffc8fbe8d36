"""Records announcements."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.rows import Invoice
from gateway.rows.payouts import Try


@dataclass
class Announced:
    """Satisfies `ports.announcer.Announcer`; keeps the payment hashes in the order of their announcement."""

    issued_hashes: list[str] = field(default_factory=list)
    settled_hashes: list[str] = field(default_factory=list)
    elsewhere_hashes: list[str] = field(default_factory=list)
    canceled_hashes: list[str] = field(default_factory=list)
    paid_out_tries: list[Try] = field(default_factory=list)

    def issued(self, invoice: Invoice) -> None:
        self.issued_hashes.append(invoice.payment_hash)

    def settled(self, invoices: Sequence[Invoice], *, arrived_at: float) -> None:
        assert arrived_at > 0
        self.settled_hashes += [invoice.payment_hash for invoice in invoices]

    def settled_elsewhere(self, payment_hash: str) -> None:
        self.elsewhere_hashes.append(payment_hash)

    def canceled(self, payment_hash: str) -> None:
        self.canceled_hashes.append(payment_hash)

    def paid_out(self, try_: Try) -> None:
        self.paid_out_tries.append(try_)
