"""The demo's wallet on the simulated node. It pays at once, up to its balance."""

from datetime import UTC, datetime

from gateway.demo.wallet import (
    AlreadyPaid,
    DecodedInvoice,
    InvalidInvoice,
    InvoiceExpired,
    NoRoute,
    OutcomeUnknown,
    WalletAway,
)
from gateway.ports.node import NodeInvoiceState, NodeState
from gateway.simulator.core import Simulator
from gateway.simulator.invoice import PREFIX, SimulatedInvoice
from gateway.simulator.refusals import CallRefused, PaymentRefused
from gateway.wire.bolt11.reading import PaymentRequest, decode
from gateway.wire.bolt11.signing import payee_of

PAYER = "demo wallet"


class SimulatedWallet:
    """A `Wallet` with an initial balance of `balance_msat`.

    Its payments are read from the node's invoices, so its balance persists with them.
    """

    def __init__(self, core: Simulator, *, balance_msat: int) -> None:
        self._core = core
        self._first_balance_msat = balance_msat

    async def pay(self, payment_request: str) -> str:
        """See `Wallet.pay`."""
        invoice, payee = _read(payment_request)
        if not invoice.amount_msat:
            msg = "This invoice names no amount: ask the payee for one that does."
            raise InvalidInvoice(msg)
        if self._core.state is NodeState.ABSENT:
            msg = "The simulated network is down: nothing was paid."
            raise WalletAway(msg)
        if payee != self._core.status().identity_pubkey:
            msg = "No route: the simulated network has one other node, and this invoice is not its own."
            raise NoRoute(msg)
        self._check_unpaid(invoice.payment_hash)
        if invoice.amount_msat > await self.balance_msat():
            msg = "No route: the demo wallet has less than that left."
            raise NoRoute(msg)
        try:
            row = self._core.pay(invoice.payment_hash, payer=PAYER)
        except PaymentRefused as error:
            msg = "The payee takes this invoice no longer: it has expired, was canceled, or another wallet has paid it."
            raise InvoiceExpired(msg) from error
        return _preimage(row)

    async def balance_msat(self) -> int:
        """See `Wallet.balance_msat`."""
        spent_msat = sum(row.paid_msat for row in self._core.invoices if row.payer == PAYER)
        return self._first_balance_msat - spent_msat

    async def decode(self, payment_request: str) -> DecodedInvoice:
        """See `Wallet.decode`."""
        invoice, payee = _read(payment_request)
        return DecodedInvoice(
            payment_hash=invoice.payment_hash.hex(),
            amount_msat=invoice.amount_msat or 0,
            payee=payee,
            description=invoice.description,
            expires_at=datetime.fromtimestamp(invoice.expires_at, UTC),
        )

    async def close(self) -> None:
        """There is nothing to close."""

    def _check_unpaid(self, payment_hash: bytes) -> None:
        try:
            row = self._core.lookup(payment_hash)
        except CallRefused:
            return
        if row.payer == PAYER:
            _preimage(row)
            msg = "This invoice was paid before, from this wallet."
            raise AlreadyPaid(msg)


def _preimage(row: SimulatedInvoice) -> str:
    """The proof of a payment, unless the payee holds it back."""
    if row.state is not NodeInvoiceState.SETTLED:
        msg = "Whether this payment goes through is not known yet: the payee holds it."
        raise OutcomeUnknown(msg)
    return row.preimage.hex()


def _read(payment_request: str) -> tuple[PaymentRequest, str]:
    """The invoice, and the public key of the node that signed it, in hex."""
    text = payment_request.strip().lower().removeprefix("lightning:")
    try:
        invoice = decode(text)
        payee = payee_of(invoice).hex()
    except ValueError as error:
        msg = f"This is not an invoice: {error}."
        raise InvalidInvoice(msg) from error
    if invoice.prefix != PREFIX:
        msg = "This invoice is of another network than the simulated one."
        raise InvalidInvoice(msg)
    return invoice, payee
