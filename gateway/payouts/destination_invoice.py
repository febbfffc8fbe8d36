"""Gets the invoice of a try from its destination, and checks it as the node that will pay it reads it."""

from dataclasses import dataclass

import structlog

from gateway.errors import Conflict, Invalid
from gateway.money import to_sat
from gateway.payouts.outcomes import is_invoice
from gateway.ports.addresses import AddressHosts, PayOffer
from gateway.ports.clock import Clock
from gateway.ports.payer import DecodedInvoice, Payer
from gateway.ports.store import Tx
from gateway.rows.payouts import Payout

LEAST_SECONDS_LEFT, MOST_SECONDS_LEFT = 60, 7 * 86_400
"""An invoice that expires sooner is not sent, as a payment takes its time; one that expires later could keep its money
set aside as long, as only its end says for certain that it will not be paid."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Payable:
    """An invoice that may be paid."""

    payment_request: str
    decoded: DecodedInvoice


class DestinationInvoices:
    """Asks destinations for invoices; a pasted invoice is its own."""

    def __init__(self, hosts: AddressHosts, clock: Clock) -> None:
        self._hosts, self._clock = hosts, clock

    async def ask(self, payout: Payout, payer: Payer, own_pubkeys: frozenset[str], *, least_msat: int) -> Payable:
        """An invoice of exactly the payout's amount; `least_msat` is the least worth sending.

        Raises `Unavailable` as the host does, `Conflict` (`below_minimum`, `above_maximum`, `amount_differs`,
        `invoice_expired`, `invoice_lasts_too_long`, `invoice_ours`) and `Invalid` (of the node that reads it).
        """
        offer = None
        payment_request = payout.destination
        if not is_invoice(payout.destination):
            offer = await self._hosts.offer(payout.destination)
            _check_range(payout, offer, least_msat)
            payment_request = await self._hosts.invoice(offer, payout.amount_msat)
        decoded = await payer.decode(payment_request)
        self.check(decoded, amount_msat=payout.amount_msat, own_pubkeys=own_pubkeys)
        if offer is not None and decoded.description_hash != offer.metadata_hash:
            log.warning("description_hash_differs", payout_id=payout.payout_id)
        return Payable(payment_request=payment_request, decoded=decoded)

    def check(self, decoded: DecodedInvoice, *, amount_msat: int, own_pubkeys: frozenset[str]) -> None:
        """Check amount, expiry and payee of an invoice. Raises as `ask` does."""
        if decoded.amount_msat != amount_msat:
            raise Conflict(
                "amount_differs",
                f"The invoice is for {decoded.amount_msat} msat, and {amount_msat} msat were asked for.",
            )
        seconds_left = decoded.expires_at - self._clock()
        if seconds_left < LEAST_SECONDS_LEFT:
            raise Conflict("invoice_expired", "The invoice has expired or is about to; ask for a new one.")
        if seconds_left > MOST_SECONDS_LEFT:
            raise Conflict("invoice_lasts_too_long", "The invoice is valid for more than 7 days; ask for a new one.")
        if decoded.payee_pubkey in own_pubkeys:
            raise Conflict("invoice_ours", "The invoice was made by a node of this gateway, which cannot pay itself.")


def require_new_hash(tx: Tx, payment_hash: str) -> None:
    """Raise `Conflict` (`invoice_ours`, `invoice_used`) for the hash of an invoice of ours, or of one tried before."""
    if tx.invoices.get(payment_hash) is not None:
        raise Conflict("invoice_ours", "This invoice was made here; paying it would move nothing.")
    if tx.tries.by_payment_hash(payment_hash) is not None:
        raise Conflict("invoice_used", "This invoice is in the books already; ask its wallet for a new one.")


def _check_range(payout: Payout, offer: PayOffer, least_msat: int) -> None:
    if offer.min_msat > offer.max_msat:
        raise Invalid("destination_refused", "The destination takes no amount: its least is above its most.")
    least = max(least_msat, offer.min_msat)
    if payout.amount_msat < least:
        raise Conflict("below_minimum", f"The least that is worth sending there is {to_sat(least)} sat.")
    if payout.amount_msat > offer.max_msat:
        raise Conflict("above_maximum", f"The destination takes at most {to_sat(offer.max_msat)} sat at once.")
