"""What the gateway relies on in an LND node that pays, held against simulated nodes and real ones on both databases.

Where they differ, the simulator is wrong. A real node keeps what earlier tests left, so nothing counts from one here.
"""

import time
from secrets import token_bytes

import pytest

from gateway.errors import Invalid
from gateway.money import Msat
from gateway.ports.payer import PaymentReport, PaymentState, SentPayment
from gateway.wire.bolt11.reading import decode
from tests.contract.payers import ContractPayer
from tests.support.clock import until
from tests.wire.payment_requests import write

PENDING, SUCCEEDED, FAILED, MISSING, UNKNOWN = PaymentState
AMOUNT_MSAT = 1_000_000
# One hop of LND's default policy: 1 sat and a millionth.
FEE_MSAT = 1_001
# The first example of BOLT 11: an invoice of mainnet without amount.
MAINNET = (
    "lnbc1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rq"
    "wzqfqypqdpl2pkx2ctnv5sxxmmwwd5kgetjypeh2ursdae8g6twvus8g6rfwvs8qun0dfjkxaq9qrsgq357wnc5r2ueh7ck6q93dj32dlqnls087fx"
    "dwk8qakdyafkq3yap9us6v52vjjsrvywa6rt52cm9r9zqt8r2t7mlcwspyetp5h2tztugp9lfyql"
)


def made_up(*payment_hashes: bytes) -> str:
    """An invoice that expired an hour after 2026 began, of a node that nobody knows."""
    hashes = [("p", payment_hash) for payment_hash in payment_hashes]
    fields = [*hashes, ("s", token_bytes(32)), ("d", b"made up"), ("9", (1 << 8 | 1 << 14 | 1 << 17).to_bytes(5))]
    return write(fields, created_at=1_767_225_600)


def hash_of(payment_request: str) -> str:
    return decode(payment_request).payment_hash.hex()


async def send(
    side: ContractPayer, payment_request: str, *, fee_limit_msat: int = 10_000, timeout_seconds: int = 20
) -> PaymentReport:
    return await side.payer.send(
        payment_request,
        payment_hash=hash_of(payment_request),
        fee_limit_msat=Msat(fee_limit_msat),
        timeout_seconds=timeout_seconds,
    )


async def listed(side: ContractPayer) -> list[SentPayment]:
    """Every payment of the node."""
    found: list[SentPayment] = []
    while page := await side.payer.list_payments(after_index=found[-1].index if found else 0, limit=50):
        found += page
    return found


async def has_ended(side: ContractPayer, payment_request: str, state: PaymentState) -> bool:
    return (await side.payer.track(hash_of(payment_request))).state is state


async def test_an_invoice_is_decoded_as_it_was_issued(side: ContractPayer) -> None:
    text = await side.ask(123_456, description_hash=b"h" * 32)
    ours, decoded = decode(text), await side.payer.decode(text)
    assert (decoded.payment_hash, decoded.amount_msat) == (ours.payment_hash.hex(), 123_456)
    assert (decoded.created_at, decoded.expires_at) == (ours.created_at, ours.expires_at)
    assert decoded.description_hash == (b"h" * 32).hex()
    assert decoded.payee_pubkey != await side.payer.identity_pubkey()


async def test_an_invoice_without_amount_has_the_amount_0_and_its_payee_is_who_signed_it(side: ContractPayer) -> None:
    assert (await side.payer.decode(await side.ask(0))).amount_msat == 0
    own = await side.payer.decode(await side.ask_itself())
    assert (own.payee_pubkey, own.description_hash) == (await side.payer.identity_pubkey(), "")


async def test_what_is_no_invoice_of_this_network_is_invalid(side: ContractPayer) -> None:
    issued = await side.ask(AMOUNT_MSAT)
    damaged = issued[:-1] + ("q" if issued[-1] != "q" else "p")
    twice = made_up(token_bytes(32), token_bytes(32))
    for text in ("", "lnbcrt", "alice@example.com", "ln\ud800", "lnbcrt1ł", damaged, issued[:60], MAINNET, twice):
        with pytest.raises(Invalid) as caught:
            await side.payer.decode(text)
        assert caught.value.code == "invoice_invalid", text


async def test_a_payment_arrives_and_costs_the_real_fee(side: ContractPayer) -> None:
    text, before = await side.ask(AMOUNT_MSAT), await side.payer.outbound_msat()
    report = await send(side, text)
    assert report == PaymentReport(
        payment_hash=hash_of(text), state=SUCCEEDED, amount_msat=Msat(AMOUNT_MSAT), fee_msat=Msat(FEE_MSAT)
    )
    assert await side.payer.track(report.payment_hash) == report
    assert (await listed(side))[-1].report == report
    assert await side.received_msat(text) == AMOUNT_MSAT

    async def is_spent() -> bool:
        return await side.payer.outbound_msat() == before - AMOUNT_MSAT - FEE_MSAT

    await until(is_spent)


async def test_a_route_dearer_than_the_fee_limit_is_not_taken(side: ContractPayer) -> None:
    text = await side.ask(AMOUNT_MSAT)
    report = await send(side, text, fee_limit_msat=FEE_MSAT - 1)
    assert report == PaymentReport(payment_hash=hash_of(text), state=FAILED, reason="no_route")
    assert await side.payer.track(report.payment_hash) == report
    assert (await listed(side))[-1].report == report
    assert await side.received_msat(text) == 0


async def test_more_than_the_channels_hold_fails_for_that_reason(side: ContractPayer) -> None:
    report = await send(side, await side.ask(await side.payer.outbound_msat() + 1))
    assert (report.state, report.reason) == (FAILED, "insufficient_balance")


async def test_only_a_payment_that_failed_can_be_sent_again(side: ContractPayer) -> None:
    text = await side.ask(AMOUNT_MSAT)
    assert (await send(side, text, fee_limit_msat=1)).state is FAILED
    assert (await send(side, text)).state is SUCCEEDED
    again = await send(side, text)
    assert again.state is PENDING
    assert again.reason.endswith("invoice is already paid")
    assert (await side.payer.track(hash_of(text))).state is SUCCEEDED
    of_it = [each.report.state for each in await listed(side) if each.report.payment_hash == hash_of(text)]
    assert of_it == [SUCCEEDED]
    assert await side.received_msat(text) == AMOUNT_MSAT


async def test_a_held_payment_is_pending_until_it_is_taken(side: ContractPayer) -> None:
    preimage = token_bytes(32)
    text = await side.hold(preimage)
    for _ in range(2):
        assert (await send(side, text, timeout_seconds=1)).state is PENDING
    assert (await side.payer.track(hash_of(text))).state is PENDING
    assert (await listed(side))[-1].report.state is PENDING
    await side.release(preimage)
    await until(lambda: has_ended(side, text, SUCCEEDED))
    assert (await side.payer.track(hash_of(text))).fee_msat == FEE_MSAT


async def test_a_held_payment_outlives_a_restart_and_fails_when_it_is_given_back(side: ContractPayer) -> None:
    preimage = token_bytes(32)
    text = await side.hold(preimage)
    assert (await send(side, text, timeout_seconds=1)).state is PENDING
    await side.restart()
    await until(lambda: has_ended(side, text, PENDING))
    await side.give_back(preimage)
    await until(lambda: has_ended(side, text, FAILED))
    assert (await side.payer.track(hash_of(text))).reason == "incorrect_payment_details"


async def test_what_the_node_refuses_to_send_it_never_has(side: ContractPayer) -> None:
    refused = {
        "self-payments not allowed": await side.ask_itself(),
        "invoice expired. Valid until ": made_up(token_bytes(32)),
        "amount must be specified when paying a zero amount invoice": await side.ask(0),
    }
    for words, text in refused.items():
        report = await send(side, text)
        assert report.state is UNKNOWN
        assert words in report.reason
        assert await has_ended(side, text, MISSING)


async def test_a_payment_that_the_node_does_not_have_is_missing(side: ContractPayer) -> None:
    assert await side.payer.track("00" * 32) == PaymentReport(payment_hash="00" * 32, state=MISSING)


async def test_payments_are_listed_by_index_whatever_their_state_until_an_empty_page(side: ContractPayer) -> None:
    began = int(time.time())
    texts = [await side.ask(AMOUNT_MSAT) for _ in range(3)]
    for text, fee_limit_msat in zip(texts, (10_000, 1, 10_000), strict=True):
        await send(side, text, fee_limit_msat=fee_limit_msat)
    *_, first, second, third = await listed(side)
    assert [each.report.payment_hash for each in (first, second, third)] == [hash_of(text) for text in texts]
    assert [each.report.state for each in (first, second, third)] == [SUCCEEDED, FAILED, SUCCEEDED]
    assert first.index < second.index < third.index
    assert began <= first.created_at <= third.created_at <= time.time()
    assert list(await side.payer.list_payments(after_index=first.index, limit=1)) == [second]
    assert not await side.payer.list_payments(after_index=third.index, limit=1)
