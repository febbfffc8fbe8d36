"""The demo's wallet on the simulated node: it pays at once, and only as much as it has."""

from datetime import UTC, datetime

from gateway.demo.wallet import (
    AlreadyPaid,
    DecodedInvoice,
    InvalidInvoice,
    InvoiceExpired,
    NoRoute,
    OutcomeUnknown,
)
from gateway.lnd import bolt11
from gateway.lnd.refusals import CallRefused, PaymentRefused
from gateway.lnd.simulator import PREFIX, Simulator
from gateway.ports import NodeState

PAYER = "demo wallet"


class SimulatedWallet:
    """`demo.wallet.Wallet` with `balance_msat` to begin with.

    What it has paid is told from the node's rows, so the balance outlives the process with them.
    """

    def __init__(self, core: Simulator, *, balance_msat: int = 10_000_000) -> None:
        self._core = core
        self._first_balance_msat = balance_msat

    async def pay(self, payment_request: str) -> str:
        """Pay the invoice; the preimage in hex. Raises WalletError as the Protocol has it."""
        invoice = _read(payment_request)
        self._check_unpaid(invoice.payment_hash)
        if self._core.now >= invoice.expires_at:
            msg = "this invoice has expired: ask for a new one"
            raise InvoiceExpired(msg)
        amount_msat = invoice.amount_msat or 0
        if not amount_msat:
            msg = "this invoice names no amount"
            raise InvalidInvoice(msg)
        if invoice.payee.hex() != self._core.status().identity_pubkey or self._core.state is NodeState.ABSENT:
            msg = "no route: the simulated network has one other node, and this invoice is not its own"
            raise NoRoute(msg)
        if amount_msat > await self.balance_msat():
            msg = "no route: the demo wallet has less than that left"
            raise NoRoute(msg)
        try:
            row = self._core.pay(invoice.payment_hash, amount_msat=amount_msat, payer=PAYER)
        except PaymentRefused as error:
            msg = "the payee does not take this invoice any more: ask for a new one"
            raise InvoiceExpired(msg) from error
        if not row.settle_index:
            msg = "the payment is held by the payee"
            raise OutcomeUnknown(msg)
        return row.preimage.hex()

    async def balance_msat(self) -> int:
        """What is left."""
        spent_msat = sum(row.paid_msat for row in self._core.invoices if row.payer == PAYER)
        return self._first_balance_msat - spent_msat

    async def decode(self, payment_request: str) -> DecodedInvoice:
        """What the invoice asks for; raises InvalidInvoice."""
        invoice = _read(payment_request)
        return DecodedInvoice(
            payment_hash=invoice.payment_hash.hex(),
            amount_msat=invoice.amount_msat or 0,
            payee=invoice.payee.hex(),
            description=invoice.description,
            expires_at=datetime.fromtimestamp(invoice.expires_at, UTC),
        )

    async def close(self) -> None:
        """Nothing is open."""

    def _check_unpaid(self, payment_hash: bytes) -> None:
        try:
            row = self._core.lookup(payment_hash)
        except CallRefused:
            return
        if row.payer == PAYER:
            msg = "this wallet has paid this invoice already"
            raise AlreadyPaid(msg)


def _read(payment_request: str) -> bolt11.Bolt11:
    text = payment_request.strip().lower().removeprefix("lightning:")
    try:
        invoice = bolt11.decode(text)
    except ValueError as error:
        raise InvalidInvoice(str(error)) from error
    if invoice.prefix != PREFIX:
        msg = "this invoice is of another network than the simulated one"
        raise InvalidInvoice(msg)
    return invoice
