"""A payout on the real network: an address of the creator's node is asked, and the merchant's node pays its invoice."""

from collections.abc import AsyncIterator

import grpc
import pytest
from lndgrpc.compiled import lightning_pb2

from gateway.lnaddress.hosts import LnurlHosts
from gateway.money import Msat
from gateway.outgoing.client import open_outgoing
from gateway.ports.addresses import AddressHosts
from gateway.regtest.credentials import PAYEE_ENV, PAYEE_PREFIX, read_credentials
from gateway.regtest.network import Network
from gateway.regtest.node import CALL_SECONDS, Node
from gateway.regtest.payee import serve_payee
from gateway.regtest.wallet import LndWallet

pytestmark = pytest.mark.regtest

AMOUNT_MSAT = Msat(50_000)


@pytest.fixture
async def host(network: Network) -> AsyncIterator[str]:
    async with serve_payee(network.folder) as served:
        yield served


@pytest.fixture
async def hosts(host: str) -> AsyncIterator[AddressHosts]:
    async with open_outgoing([host]) as outgoing:
        yield LnurlHosts(outgoing, public_url="http://127.0.0.1:8402", allow=[host])


async def test_an_invoice_of_the_creators_address_arrives_at_the_creators_node(
    network: Network, host: str, hosts: AddressHosts
) -> None:
    merchant, creator = await network.node("merchant"), await network.node("creator")
    offer = await hosts.offer(hosts.check(f"tomas@{host}"))
    payment_request = await hosts.invoice(offer, AMOUNT_MSAT)
    decoded = await merchant.lightning.DecodePayReq(
        lightning_pb2.PayReqString(pay_req=payment_request), timeout=CALL_SECONDS
    )
    assert (decoded.num_msat, decoded.description_hash) == (AMOUNT_MSAT, offer.metadata_hash)
    assert decoded.destination == (await creator.info()).identity_pubkey
    async with LndWallet(network.credentials("merchant")) as wallet:
        await wallet.pay(payment_request)
    payment = lightning_pb2.PaymentHash(r_hash=bytes.fromhex(decoded.payment_hash))
    invoice = await creator.lightning.LookupInvoice(payment, timeout=CALL_SECONDS)
    assert (invoice.state, invoice.amt_paid_msat) == (lightning_pb2.Invoice.SETTLED, AMOUNT_MSAT)


async def test_the_payees_macaroon_makes_invoices_and_nothing_else(network: Network) -> None:
    async with Node(read_credentials(network.folder / PAYEE_ENV, PAYEE_PREFIX)) as node:
        await node.lightning.AddInvoice(lightning_pb2.Invoice(value_msat=AMOUNT_MSAT), timeout=CALL_SECONDS)
        for call in (node.info(), node.new_address()):
            with pytest.raises(grpc.aio.AioRpcError, match="permission denied"):
                await call
