"""What the demo asks of a wallet, simulated or on a real node, and how a payment may fail."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Protocol


class Wallet(Protocol):
    """A payer. Every method may raise WalletError; its text is meant for a person."""

    async def pay(self, payment_request: str) -> str:
        """Pay the invoice once and give the preimage, 64 hex digits.

        Raises NoRoute, AlreadyPaid, InvoiceExpired, InvalidInvoice, WalletAway or OutcomeUnknown. After
        OutcomeUnknown paying the same invoice from the same wallet again cannot pay twice.
        """

    async def balance_msat(self) -> int:
        """Give what the wallet can send, in millisatoshi."""

    async def decode(self, payment_request: str) -> "DecodedInvoice":
        """Give what the invoice asks for; raises InvalidInvoice or WalletAway."""

    async def close(self) -> None:
        """Let go of connections; the wallet is not used afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedInvoice:
    """What an invoice asks for: hash and payee in hex, the amount in millisatoshi, the expiry in UTC."""

    payment_hash: str
    amount_msat: int
    payee: str
    description: str
    expires_at: datetime


class WalletError(Exception):
    """A payment that was not made, or not known to be made."""


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
    """The payment may be under way: it is neither paid nor failed."""


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
"""The HTTP status in which each failure is told, by the demo's route and by the wallet's socket."""
