"""Challenges shown to programs: one open invoice per asking client, item and price, each time with a fresh token."""

from collections import OrderedDict

from gateway.ports.clock import Clock
from gateway.rows import Invoice, Origin
from gateway.sales.key_locks import Turns

# A challenge is shown again while its invoice can still be paid in peace.
NOT_SHOWN_BEFORE_EXPIRY_SECONDS = 60
_MOST = 10_000

_Key = tuple[str, str | None, int]


class Challenges:
    """The open challenges by client key, in memory only: a lost one costs an invoice, never a payment."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._invoices: OrderedDict[_Key, Invoice] = OrderedDict()
        self._keys: dict[str, _Key] = {}
        self.turns = Turns()

    def known(self, client_key: str, item_id: str, amount_msat: int) -> Invoice | None:
        """The client's own challenge, if it can still be paid in peace."""
        invoice = self._invoices.get((client_key, item_id, amount_msat))
        if invoice is None or self._clock() >= invoice.expires_at - NOT_SHOWN_BEFORE_EXPIRY_SECONDS:
            return None
        return invoice

    def keep(self, client_key: str, invoice: Invoice) -> None:
        """Show this one to the client until it is paid or nearly expired."""
        assert invoice.origin is Origin.CHALLENGE, "a reader's own invoice is nobody else's"
        key = (client_key, invoice.item_id, invoice.amount_msat)
        previous = self._invoices.pop(key, None)
        if previous is not None:
            self._keys.pop(previous.payment_hash, None)
        self._invoices[key] = invoice
        self._keys[invoice.payment_hash] = key
        if len(self._invoices) > _MOST:
            _, oldest = self._invoices.popitem(last=False)
            self._keys.pop(oldest.payment_hash, None)

    def forget(self, payment_hash: str) -> None:
        """A challenge that was paid, or canceled, is not shown again."""
        key = self._keys.pop(payment_hash, None)
        if key is not None:
            self._invoices.pop(key, None)
