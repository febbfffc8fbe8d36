"""The open challenge of each client: an invoice for one item at one price, shown to that client until it is paid."""

from collections import OrderedDict

from gateway.ports.clock import Clock
from gateway.rows import Invoice, Origin
from gateway.sales.key_locks import KeyLocks

# A client needs some time to pay what it is shown.
NOT_SHOWN_BEFORE_EXPIRY_SECONDS = 60
_MOST = 10_000

_Key = tuple[str, str | None, int]


class Challenges:
    """Open challenges by client key, item and amount. In memory only: a lost one costs an invoice, never a payment."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._invoices: OrderedDict[_Key, Invoice] = OrderedDict()
        self._keys: dict[str, _Key] = {}
        self.locks = KeyLocks()
        """By client key and item, so that concurrent requests share one challenge."""

    def find(self, client_key: str, item_id: str, amount_msat: int) -> Invoice | None:
        """The client's open challenge; None if there is none, or it expires soon."""
        invoice = self._invoices.get((client_key, item_id, amount_msat))
        if invoice is None or self._clock() >= invoice.expires_at - NOT_SHOWN_BEFORE_EXPIRY_SECONDS:
            return None
        return invoice

    def keep(self, client_key: str, invoice: Invoice) -> None:
        """Show this invoice to the client until it is paid or nearly expired, instead of an earlier one."""
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
        """Do not show a challenge again: it was paid or canceled."""
        key = self._keys.pop(payment_hash, None)
        if key is not None:
            self._invoices.pop(key, None)
