"""Decides whether to ask LND for hop hints, which invoices need only if the node has unannounced channels.

LND reads all its channels for them, so AddInvoice takes twice as long whether there are hints or not. A node that
returned none is therefore asked again only after some seconds; one that ever returned some is always asked.
"""

from gateway.wire.bech32 import open_bech32
from gateway.wire.bolt11.fields import CREATED_AT_WORDS, SIGNATURE_WORDS, split_fields

ASK_AGAIN_SECONDS = 10.0


class HopHints:
    """Remembers whether a node returns hop hints."""

    def __init__(self) -> None:
        self._needed = False
        self._none_at: float | None = None

    def wanted(self, now: float) -> bool:
        """Whether the next invoice should ask for them; `now` is in seconds of a monotonic clock."""
        return self._needed or self._none_at is None or now - self._none_at >= ASK_AGAIN_SECONDS

    def learn(self, payment_request: str, now: float) -> None:
        """Remember what the payment request of an invoice that asked for hints contains."""
        self._needed = self._needed or has_hop_hints(payment_request)
        self._none_at = now


def has_hop_hints(payment_request: str) -> bool:
    """Whether a payment request contains a hop hint. Raises ValueError if it is not a payment request."""
    _, words = open_bech32(payment_request)
    return any(tag == "r" for tag, _ in split_fields(words[CREATED_AT_WORDS:-SIGNATURE_WORDS]))
