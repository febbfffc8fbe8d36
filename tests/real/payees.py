"""A payee on a real LND, whose node holds what it is paid until it is told to take it, and a gateway that pays."""

import secrets
from asyncio import Event
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from lndgrpc.compiled import invoices_pb2, lightning_pb2

from gateway.demo.address_host import serve_addresses
from gateway.regtest.credentials import GATEWAY_PREFIX, PAYOUT_VARIABLE, bake
from gateway.regtest.network import Network
from gateway.regtest.node import CALL_SECONDS, Node
from gateway.regtest.wallet import LndWallet
from gateway.wire.lnd_macaroon import PAYOUTS, SALES
from tests.real.shop import Shop, open_shop
from tests.support.clock import until

EXPIRY_SECONDS = 600
PAGE = 500


@dataclass(slots=True)
class HoldingPayee:
    """The node of a creator of whose addresses one invoice is asked for."""

    node: Node
    host: str = ""
    payment_request: str = ""
    asked: Event = field(default_factory=Event)
    may_answer: Event = field(default_factory=Event)
    _preimage: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    @property
    def payment_hash(self) -> str:
        """That of its invoice."""
        return sha256(self._preimage).hexdigest()

    async def make_invoice(self, amount_msat: int, description_hash: bytes) -> str:
        """The one invoice, once it may be given."""
        request = invoices_pb2.AddHoldInvoiceRequest(
            hash=bytes.fromhex(self.payment_hash),
            value_msat=amount_msat,
            description_hash=description_hash,
            expiry=EXPIRY_SECONDS,
        )
        self.payment_request = (await self.node.invoices.AddHoldInvoice(request, timeout=CALL_SECONDS)).payment_request
        self.asked.set()
        await self.may_answer.wait()
        return self.payment_request

    async def until_held(self) -> None:
        """Wait until the payment has arrived and is held."""

        async def is_held() -> bool:
            return bool((await received(self.node, self.payment_hash)).state == lightning_pb2.Invoice.ACCEPTED)

        await self.asked.wait()
        await until(is_held)

    async def take(self) -> None:
        """Settle what is held."""
        await self.node.invoices.SettleInvoice(
            invoices_pb2.SettleInvoiceMsg(preimage=self._preimage), timeout=CALL_SECONDS
        )


@asynccontextmanager
async def open_payee(network: Network, folder: Path) -> AsyncIterator[HoldingPayee]:
    """The creator's node as a payee that holds its payment, with a host of its addresses."""
    payee = HoldingPayee(await network.node("creator"))
    async with serve_addresses(payee.make_invoice, folder / "addresses.port") as payee.host:
        try:
            yield payee
        finally:
            payee.may_answer.set()


@asynccontextmanager
async def open_paying_shop(network: Network, folder: Path, host: str) -> AsyncIterator[Shop]:
    """A shop at the reader's node, to which the merchant pays tips: its payouts pay the merchant's node a real fee."""
    node, admin = await network.node("reader"), network.credentials("reader")
    variables = {
        f"{GATEWAY_PREFIX}_TARGET": admin.target,
        f"{GATEWAY_PREFIX}_TLS_CERT": str(admin.tls_cert),
        f"{GATEWAY_PREFIX}_MACAROON": str(await bake(node, SALES.needed, folder / "sales.macaroon")),
        PAYOUT_VARIABLE: str(await bake(node, PAYOUTS.needed, folder / PAYOUTS.file_name)),
        "TUPPENCE_OUTGOING_ALLOW": host,
    }
    async with (
        LndWallet(network.credentials("merchant")) as wallet,
        open_shop(folder, network, wallet, variables) as shop,
    ):
        yield shop


async def received(node: Node, payment_hash: str) -> Any:
    """The invoice of a node by its payment hash."""
    request = lightning_pb2.PaymentHash(r_hash=bytes.fromhex(payment_hash))
    return await node.lightning.LookupInvoice(request, timeout=CALL_SECONDS)


async def sent(node: Node, payment_hash: str) -> list[Any]:
    """What a node has sent for a payment hash."""
    return [payment for payment in await payments_of(node) if payment.payment_hash == payment_hash]


async def payments_of(node: Node) -> list[Any]:
    """What a node has sent, however it ended. LND lists a hundred at most unless it is told a number."""
    payments: list[Any] = []
    page = await _page(node, after_index=0)
    while page.payments:
        payments += page.payments
        page = await _page(node, after_index=page.last_index_offset)
    return payments


async def _page(node: Node, *, after_index: int) -> Any:
    request = lightning_pb2.ListPaymentsRequest(include_incomplete=True, index_offset=after_index, max_payments=PAGE)
    return await node.lightning.ListPayments(request, timeout=CALL_SECONDS)
