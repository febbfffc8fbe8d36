"""The port for addresses that others name: what a Lightning Address or an LNURL offers, and its invoice."""

from dataclasses import dataclass
from typing import Protocol

from gateway.money import Msat


@dataclass(frozen=True, slots=True, kw_only=True)
class PayOffer:
    """What the host of an address offers to receive (LUD-06): limits in msat, and where its invoices are asked for."""

    address: str
    callback: str
    min_msat: Msat
    max_msat: Msat
    metadata_hash: str
    """SHA-256 (hex) of the offer's metadata, which the invoice's description hash should be."""


class AddressHosts(Protocol):
    """Asks the hosts of Lightning Addresses and LNURLs, through the guard against inward addresses."""

    def check(self, address: str, *, is_from_anybody: bool = False) -> str:
        """The address in its canonical form. Raises `Invalid`.

        `is_from_anybody`: neither the operator nor a creator named it.
        """

    async def offer(self, address: str) -> PayOffer:
        """Ask the host what it takes. Raises `Unavailable`."""

    async def invoice(self, offer: PayOffer, amount_msat: Msat) -> str:
        """Ask for an invoice of exactly this amount, which is not checked here. Raises as `offer` does."""
