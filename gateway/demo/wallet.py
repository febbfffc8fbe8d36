"""The interface of the demo's wallets, simulated or on a real node, and the ways in which a payment fails."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Protocol


class Wallet(Protocol):
    """A payer. Every method may raise `WalletError`, whose text is shown to a person."""

    async def pay(self, payment_request: str) -> str:
        """Pay an invoice once. Gives the preimage, 64 hex digits.

        Raises `NoRoute`, `AlreadyPaid`, `InvoiceExpired`, `InvalidInvoice`, `WalletAway` or `OutcomeUnknown`. After
        `OutcomeUnknown` the same wallet may be asked to pay the invoice again: it does not pay twice.
        """

    async def balance_msat(self) -> int:
        """The amount that the wallet can send, in msat."""

    async def decode(self, payment_request: str) -> "DecodedInvoice":
        """Decode an invoice. Raises `InvalidInvoice` or `WalletAway`."""

    async def close(self) -> None:
        """Close the connections; the wallet must not be used afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedInvoice:
    """A decoded invoice: hash and payee in hex, the expiry in UTC."""

    payment_hash: str
    amount_msat: int
    payee: str
    description: str
    expires_at: datetime


class WalletError(Exception):
    """A payment that failed, or whose outcome is unknown."""


class NoRoute(WalletError):
    """No path with enough balance leads to the payee: nothing was paid."""


class AlreadyPaid(WalletError):
    """This invoice was paid before: this call paid nothing."""


class InvoiceExpired(WalletError):
    """The payee no longer takes this invoice, expired, canceled or settled: nothing was paid."""


class InvalidInvoice(WalletError):
    """Not an invoice that this wallet can pay: nothing was paid."""


class WalletAway(WalletError):
    """The wallet does not answer: nothing was paid."""


class OutcomeUnknown(WalletError):
    """The payment may still be in flight: neither success nor failure is known."""


STATUS: Mapping[type[WalletError], int] = MappingProxyType(
    {
        NoRoute: 402,
        AlreadyPaid: 409,
        InvoiceExpired: 410,
        InvalidInvoice: 422,
        WalletAway: 503,
        OutcomeUnknown: 504,
    }
)
"""The HTTP status of each failure, at the demo's route and at the wallet's socket."""
