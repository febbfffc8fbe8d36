"""What the operator paid by hand is booked once, and only as its node says."""

import pytest

from gateway.books.ledger import OPERATOR_ACCOUNT, creator_account
from gateway.catalog.api_keys import OPERATOR
from gateway.errors import Conflict, Invalid
from gateway.money import from_sat
from gateway.payouts.decisions.records import Recorded
from gateway.payouts.refunds import Refunds
from gateway.rows.payouts import Asker, RefundState
from gateway.simulator.payments.payment import SimulatedPayment
from gateway.store.engines.invariants import audit_database
from tests.payouts.conftest import PayingDomain
from tests.payouts.test_refunds import claim, refunds, sold, state
from tests.support.rows import NODE_ID

__all__ = ["refunds"]


def paid_by_hand(paying: PayingDomain, amount_msat: int) -> SimulatedPayment:
    """What the gateway's node pays without the gateway, to an invoice of the creators' node."""
    invoice = paying.creators_node.add_invoice(preimage=b"", amount_msat=amount_msat, memo="", expiry_seconds=600)
    paying.core.payments.send(invoice.payment_request, fee_limit_msat=from_sat(10))
    return next(row for row in paying.core.payments if row.payment_hash == invoice.payment_hash)


async def test_a_payment_by_hand_is_booked_once(paying: PayingDomain) -> None:
    recorded = Recorded(creator="alice", amount_msat=from_sat(700), note="bank transfer 12")
    await paying.process.records.record(recorded)
    assert (await paying.balance_sat(), await paying.balance_sat(OPERATOR_ACCOUNT)) == (49_300, 700)
    with pytest.raises(Conflict) as refusal:
        await paying.process.records.record(recorded)
    assert refusal.value.code == "recorded_before"
    with pytest.raises(Conflict):
        await paying.process.records.record(Recorded(creator="alice", amount_msat=from_sat(60_000), note="too much"))


@pytest.mark.parametrize(
    "recorded",
    [
        Recorded(creator="alice", amount_msat=from_sat(700)),
        Recorded(creator="alice", note="of what?"),
        Recorded(creator="alice", amount_msat=1_500, note="a fraction"),
        Recorded(creator="alice", refund_of="ab" * 32, note="of both?"),
        Recorded(refund_of="ab" * 32, amount_msat=from_sat(1), note="of how much?"),
    ],
)
async def test_what_is_unproven_or_unclear_is_not_booked(paying: PayingDomain, recorded: Recorded) -> None:
    with pytest.raises(Invalid):
        await paying.process.records.record(recorded)
    assert await paying.balance_sat() == 50_000


async def test_a_payment_of_our_node_is_booked_as_the_node_says(paying: PayingDomain) -> None:
    row = paid_by_hand(paying, from_sat(700))
    by_hand = Recorded(creator="alice", amount_msat=from_sat(700), payment_hash=row.payment_hash.hex(), node_id=NODE_ID)
    for wrong in (
        Recorded(creator="alice", amount_msat=from_sat(701), payment_hash=row.payment_hash.hex(), node_id=NODE_ID),
        Recorded(creator="alice", amount_msat=from_sat(700), payment_hash="ab" * 32, node_id=NODE_ID),
    ):
        with pytest.raises(Conflict) as refusal:
            await paying.process.records.record(wrong)
        assert refusal.value.code == "record_differs"
    await paying.process.records.record(by_hand)
    assert await paying.balance_sat() == 49_300 - row.fee_msat / 1_000


async def test_the_hash_of_an_invoice_that_was_made_here_is_no_payment_that_left(paying: PayingDomain) -> None:
    invoice = await sold(paying)
    with pytest.raises(Conflict) as refusal:
        await paying.process.records.record(
            Recorded(creator="alice", amount_msat=from_sat(100), payment_hash=invoice.payment_hash)
        )
    assert refusal.value.code == "invoice_ours"
    found = await audit_database(paying.domain.database_url, now=int(paying.clock()))
    assert not any(each.broken for each in found)


@pytest.mark.parametrize("is_reserved", [False, True])
async def test_a_refund_that_was_paid_by_hand_is_claimed(
    paying: PayingDomain, refunds: Refunds, is_reserved: bool
) -> None:
    refund = await refunds.offer((await sold(paying)).payment_hash, caller=OPERATOR, operator_pays=True)
    if is_reserved:
        await claim(paying, refund)
    row = paid_by_hand(paying, refund.amount_msat)
    recorded = Recorded(refund_of=refund.payment_hash, payment_hash=row.payment_hash.hex(), node_id=NODE_ID)
    payout = await paying.process.records.record(recorded)
    assert payout.asked_by is Asker.PAYER
    assert await state(paying, refund) is RefundState.CLAIMED
    await paying.process.work()
    with pytest.raises(Conflict) as refusal:
        await claim(paying, refund)
    assert refusal.value.code == "refund_claimed"
    with pytest.raises(Conflict):
        await paying.process.records.record(recorded)
    assert await paying.received_sat() == 100
    assert await paying.balance_sat(OPERATOR_ACCOUNT) == -100 - row.fee_msat / 1_000
    assert creator_account("bob") in await paying.domain.balances()
