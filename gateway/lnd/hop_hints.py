"""Whether to ask LND for hop hints, which an invoice needs only where the node has unannounced channels.

LND reads all its channels for them: AddInvoice then takes twice as long, hints or none. So a node that gave none is
asked for them again only after a while; one that ever gave some is always asked.
"""

from gateway.wire.bolt11.bech32 import CREATED_AT_WORDS, SIGNATURE_WORDS, open_bech32, split_fields

ASK_AGAIN_SECONDS = 10.0


class HopHints:
    """What is known of a node's hints."""

    def __init__(self) -> None:
        self._needed = False
        self._none_at: float | None = None

    def wanted(self, now: float) -> bool:
        """Whether the next invoice is to ask for them; `now` is in seconds of any clock that only goes forward."""
        return self._needed or self._none_at is None or now - self._none_at >= ASK_AGAIN_SECONDS

    def learn(self, payment_request: str, now: float) -> None:
        """Take note of what an invoice got that asked for hints."""
        self._needed = self._needed or has_hop_hints(payment_request)
        self._none_at = now


def has_hop_hints(payment_request: str) -> bool:
    """Whether a payment request names a way to its payee. Raises ValueError when it is none."""
    _, words = open_bech32(payment_request)
    return any(tag == "r" for tag, _ in split_fields(words[CREATED_AT_WORDS:-SIGNATURE_WORDS]))
