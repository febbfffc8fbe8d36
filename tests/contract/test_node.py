"""What the gateway relies on in an LND node, checked on the simulated one and on real ones on both databases.

Where they differ, the simulator is wrong. A real node keeps what earlier tests left, so nothing counts from one here.
"""

import hashlib
import secrets
from typing import Any

import grpc
import pytest
from lndgrpc.compiled import lightning_pb2 as ln

from gateway.money import Msat
from gateway.ports.node import NodeInvoice, NodeState
from gateway.wire.bolt11.reading import decode
from gateway.wire.bolt11.signing import payee_of
from gateway.wire.lnd_macaroon import SALES
from tests.contract.nodes import CALL_SECONDS, ContractNode, NotPaid
from tests.contract.steps import CANCELED, OPEN, SETTLED, UNKNOWN_HASH, has_state, invoice, issue, refused
from tests.support.clock import until

# Issuing --------------------------------------------------------------------------------------------------------------


async def test_an_issued_invoice_says_what_was_asked_and_is_signed_by_the_node(lnd: ContractNode) -> None:
    preimage = secrets.token_bytes(32)
    issued = await lnd.node.add_invoice(preimage, amount_msat=Msat(123_456), memo="creator · host", expiry_seconds=77)
    invoice = decode(issued.payment_request)
    assert issued.payment_hash == hashlib.sha256(preimage).hexdigest() == invoice.payment_hash.hex()
    assert (invoice.amount_msat, invoice.description, invoice.expiry_seconds) == (123_456, "creator · host", 77)
    assert payee_of(invoice).hex() == (await lnd.node.status()).identity_pubkey
    assert invoice.prefix == "lnbcrt"


async def test_issuing_again_with_the_same_preimage_gives_the_same_invoice(lnd: ContractNode) -> None:
    preimage = secrets.token_bytes(32)
    assert await issue(lnd, preimage=preimage) == await issue(lnd, preimage=preimage)


async def test_add_index_grows(lnd: ContractNode) -> None:
    indexes = [(await issue(lnd)).add_index for _ in range(3)]
    assert indexes == sorted(set(indexes))


@pytest.mark.parametrize(
    ("asked", "details"),
    [
        ({"r_preimage": b"\x01" * 31}, "invalid preimage length of 31, want 32"),
        ({"memo": "x" * 1025}, "memo too large: 1025 bytes (maxsize=1024)"),
        ({"memo": "x" * 640}, "data length too big to fit within 10 bits: 1024"),
        ({"value_msat": -1}, "amount cannot be negative"),
        ({"value_msat": 10**17}, "invoice amount 1000000 BTC is too large, max is 100000 BTC"),
        ({"value": 1}, "sat and msat arguments are mutually exclusive"),
        ({"expiry": 31_536_001}, "expiry of 3.1536001e+07 seconds greater than max expiry of 3.1536e+07 seconds"),
    ],
)
async def test_what_cannot_be_issued_is_refused_in_these_words(
    lnd: ContractNode, asked: dict[str, object], details: str
) -> None:
    assert await refused(lnd.lightning.AddInvoice, invoice(**asked)) == ("UNKNOWN", details)


async def test_a_payment_hash_that_is_there_is_refused_as_unknown_with_these_details(lnd: ContractNode) -> None:
    again = invoice(r_preimage=secrets.token_bytes(32))
    await lnd.lightning.AddInvoice(again, timeout=CALL_SECONDS)
    answer = ("UNKNOWN", "invoice with payment hash already exists")
    assert await refused(lnd.lightning.AddInvoice, again) == answer


# Looking up and listing -----------------------------------------------------------------------------------------------


async def test_a_paid_invoice_is_looked_up_as_settled_with_what_was_paid(lnd: ContractNode) -> None:
    issued = await issue(lnd)
    before = await lnd.node.lookup(issued.payment_hash)
    assert before == NodeInvoice(
        payment_hash=issued.payment_hash,
        add_index=issued.add_index,
        settle_index=0,
        state=OPEN,
        paid_msat=Msat(0),
        settled_at=0,
        memo="creator · host",
    )
    await lnd.pay(issued.payment_request)
    after = await lnd.node.lookup(issued.payment_hash)
    assert after is not None
    assert (after.state, after.paid_msat, after.add_index) == (SETTLED, 1000, issued.add_index)
    assert after.settle_index > 0
    assert after.settled_at >= decode(issued.payment_request).created_at


async def test_settle_index_grows_in_the_order_of_payment(lnd: ContractNode) -> None:
    first, second = await issue(lnd), await issue(lnd)
    await lnd.pay(second.payment_request)
    await lnd.pay(first.payment_request)
    found = [await lnd.node.lookup(each.payment_hash) for each in (second, first)]
    indexes = [each.settle_index for each in found if each is not None]
    assert indexes == [indexes[0], indexes[0] + 1]


async def test_what_the_node_does_not_have_is_none(lnd: ContractNode) -> None:
    # A bbolt node without any invoice says so in other words.
    await issue(lnd)
    assert await lnd.node.lookup(UNKNOWN_HASH) is None
    assert await lnd.node.preimage(UNKNOWN_HASH) is None
    unknown = ln.PaymentHash(r_hash=bytes(32))
    assert await refused(lnd.lightning.LookupInvoice, unknown) == ("NOT_FOUND", "unable to locate invoice")


async def test_lnd_shows_a_preimage_before_payment_and_the_client_does_not(lnd: ContractNode) -> None:
    preimage = secrets.token_bytes(32)
    issued = await issue(lnd, preimage=preimage)
    raw = await lnd.lightning.LookupInvoice(ln.PaymentHash(r_hash=bytes.fromhex(issued.payment_hash)))
    assert raw.r_preimage == preimage
    assert await lnd.node.preimage(issued.payment_hash) is None
    await lnd.pay(issued.payment_request)
    assert await lnd.node.preimage(issued.payment_hash) == preimage.hex()


async def test_pages_go_up_by_add_index_until_an_empty_one(lnd: ContractNode) -> None:
    issued = [await issue(lnd) for _ in range(5)]
    await lnd.pay(issued[3].payment_request)
    await lnd.node.cancel(issued[1].payment_hash)
    after_add_index, states = issued[0].add_index - 1, []
    while page := await lnd.node.list_invoices(after_add_index=after_add_index, limit=2):
        assert len(page) <= 2
        states += [(each.add_index, each.state) for each in page]
        after_add_index = page[-1].add_index
    expected = [OPEN, CANCELED, OPEN, SETTLED, OPEN]
    assert states == [(each.add_index, state) for each, state in zip(issued, expected, strict=True)]


async def test_reversed_and_pending_pages_are_cut_alike(lnd: ContractNode) -> None:
    issued = [await issue(lnd) for _ in range(4)]
    await lnd.node.cancel(issued[2].payment_hash)
    indexes = [each.add_index for each in issued]

    async def page(**asked: Any) -> list[int]:
        answer = await lnd.lightning.ListInvoices(ln.ListInvoiceRequest(**asked), timeout=CALL_SECONDS)
        return [each.add_index for each in answer.invoices]

    assert await page(reversed=True, num_max_invoices=2) == indexes[2:]
    assert await page(reversed=True, num_max_invoices=2, index_offset=indexes[2]) == indexes[:2]
    assert await page(pending_only=True, index_offset=indexes[0] - 1) == [indexes[0], indexes[1], indexes[3]]


# Canceling and expiring -----------------------------------------------------------------------------------------------


async def test_a_canceled_invoice_stays_canceled_and_cannot_be_paid(lnd: ContractNode) -> None:
    issued = await issue(lnd)
    for _ in range(2):
        await lnd.node.cancel(issued.payment_hash)
    assert await has_state(lnd, issued, CANCELED)
    with pytest.raises(NotPaid):
        await lnd.pay(issued.payment_request)


async def test_canceling_a_settled_or_unknown_invoice_changes_nothing(lnd: ContractNode) -> None:
    issued = await issue(lnd)
    await lnd.pay(issued.payment_request)
    await lnd.node.cancel(issued.payment_hash)
    await lnd.node.cancel(UNKNOWN_HASH)
    assert await has_state(lnd, issued, SETTLED)


# Paying ---------------------------------------------------------------------------------------------------------------


async def test_too_little_is_refused_and_too_much_is_taken(lnd: ContractNode) -> None:
    issued = await issue(lnd)
    with pytest.raises(NotPaid):
        await lnd.pay(issued.payment_request, amount_msat=999)
    assert await has_state(lnd, issued, OPEN)
    await lnd.pay(issued.payment_request, amount_msat=1999)
    found = await lnd.node.lookup(issued.payment_hash)
    assert found is not None
    assert (found.state, found.paid_msat) == (SETTLED, 1999)


async def test_a_payment_moves_liquidity_to_the_nodes_side(lnd: ContractNode) -> None:
    before = await lnd.node.liquidity()
    issued = await lnd.node.add_invoice(
        secrets.token_bytes(32), amount_msat=Msat(5_000_000), memo="", expiry_seconds=60
    )
    await lnd.pay(issued.payment_request)

    async def has_moved() -> bool:
        return (await lnd.node.liquidity()).outbound_msat > before.outbound_msat

    await until(has_moved)
    after = await lnd.node.liquidity()
    assert after.inbound_msat < before.inbound_msat


# The node itself ------------------------------------------------------------------------------------------------------


async def test_a_ready_node_tells_who_and_where_it_is(lnd: ContractNode) -> None:
    status = await lnd.node.status()
    assert (status.state, status.network) == (NodeState.READY, "regtest")
    assert len(bytes.fromhex(status.identity_pubkey)) == 33
    assert status.version.startswith("0.2")
    assert status.block_height > 0
    assert status.best_header_at > 1_500_000_000


async def test_macaroons_are_baked_so_that_their_operations_can_be_read(lnd: ContractNode) -> None:
    admin = lnd.credentials.macaroon.read_bytes()
    assert "offchain:write" in SALES.excess(admin)
    assert SALES.missing(admin) == []


async def test_a_macaroon_that_is_missing_broken_or_forged_is_refused_in_these_words(lnd: ContractNode) -> None:
    good = lnd.credentials.macaroon.read_bytes()
    forged = good[:-1] + bytes([good[-1] ^ 1])
    details = {
        None: "expected 1 macaroon, got 0",
        forged.hex(): "verification failed: signature mismatch after caveat verification",
    }
    tls = grpc.ssl_channel_credentials(lnd.credentials.tls_cert.read_bytes())
    async with grpc.aio.secure_channel(lnd.credentials.target, tls) as channel:
        call = channel.unary_unary("/lnrpc.Lightning/AddInvoice", request_serializer=ln.Invoice.SerializeToString)
        for macaroon, words in details.items():
            metadata = None if macaroon is None else (("macaroon", macaroon),)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call(invoice(), metadata=metadata, timeout=CALL_SECONDS)
            assert (caught.value.code().name, caught.value.details()) == ("UNKNOWN", words)
