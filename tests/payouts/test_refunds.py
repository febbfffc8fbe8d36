"""A refund is offered whole, claimed once, and goes back whence it came if nobody claims it."""

import asyncio

import pytest

from gateway.books.ledger import OPERATOR_ACCOUNT, creator_account, refund_account
from gateway.catalog.api_keys import OPERATOR, Caller
from gateway.errors import Conflict, Forbidden, NotFound
from gateway.payouts.claims import CLAIMS_SECONDS, MOST_CLAIMS
from gateway.payouts.refunds import OFFERED_SECONDS, Refunds
from gateway.payouts.request import Wanted
from gateway.rows import Invoice
from gateway.rows.payouts import Asker, Payout, Refund, RefundState
from tests.payouts.conftest import ALICE, PayingDomain

BOB = creator_account("bob")
READER = "reader@wallet.example"


@pytest.fixture
def refunds(paying: PayingDomain) -> Refunds:
    """The use cases of refunds."""
    process = paying.process
    return Refunds(process.requests, paying.domain.store, paying.domain.keys, paying.clock)


async def sold(paying: PayingDomain) -> Invoice:
    """An item that was paid: 70 sat to alice, 30 to bob."""
    invoice = await paying.domain.sell()
    paying.domain.pay(invoice)
    await paying.domain.sweeper.sweep()
    return invoice


async def claim(paying: PayingDomain, refund: Refund, destination: str = READER) -> Payout:
    """The payer claims a refund."""
    return await paying.process.requests.ask(
        Wanted(
            source_account=refund_account(refund.payment_hash),
            asked_by=Asker.PAYER,
            amount_msat=refund.amount_msat,
            destination=destination,
            fee_limit_msat=refund.fee_limit_msat,
        )
    )


async def state(paying: PayingDomain, refund: Refund) -> RefundState:
    """The refund's state now."""
    found = await paying.domain.store.read(lambda tx: tx.refunds.get(refund.payment_hash))
    assert found is not None
    return found.state


async def test_a_refund_is_paid_by_its_creators_as_they_were_credited(paying: PayingDomain, refunds: Refunds) -> None:
    first, second = await sold(paying), await sold(paying)
    before = await paying.domain.balances()
    refund = await refunds.offer(first.payment_hash, caller=OPERATOR)
    assert (refund.amount_msat, refund.fee_limit_msat) == (100_000, 1_000)
    assert await refunds.offer(first.payment_hash, caller=OPERATOR) == refund
    offered = await paying.domain.balances()
    assert (before[ALICE] - offered[ALICE], before[BOB] - offered[BOB]) == (70_700, 30_300)
    await claim(paying, refund)
    await paying.process.work()
    assert await state(paying, refund) is RefundState.CLAIMED
    after = await paying.domain.balances()
    assert await paying.received_sat() == 100
    assert before[ALICE] + before[BOB] - after[ALICE] - after[BOB] == 100_000 + await fee_of(paying, refund)
    assert second.payment_hash != first.payment_hash


async def fee_of(paying: PayingDomain, refund: Refund) -> int:
    """The real fee of its claim."""
    account = refund_account(refund.payment_hash)
    [payout] = await paying.domain.store.read(lambda tx: tx.payouts.list(source_account=account, before=None, limit=9))
    return (await paying.tries(payout.payout_id))[-1].fee_msat or 0


async def test_what_the_creators_cannot_cover_is_refused_unless_the_operator_takes_it_on(
    paying: PayingDomain, refunds: Refunds
) -> None:
    invoice = await sold(paying)
    before = paying.domain.dump()
    with pytest.raises(Conflict) as refusal:
        await refunds.offer(invoice.payment_hash, caller=OPERATOR)
    assert refusal.value.code == "refund_uncovered", "bob has 30 sat and owes a part of the fee limit, too"
    assert paying.domain.dump() == before
    refund = await refunds.offer(invoice.payment_hash, caller=OPERATOR, operator_pays=True)
    assert await paying.balance_sat(OPERATOR_ACCOUNT) == -101
    await claim(paying, refund)
    await paying.process.work()
    assert await paying.balance_sat(OPERATOR_ACCOUNT) == -100 - await fee_of(paying, refund) / 1_000


async def test_of_many_claims_at_once_one_is_paid(paying: PayingDomain, refunds: Refunds) -> None:
    refund = await refunds.offer((await sold(paying)).payment_hash, caller=OPERATOR, operator_pays=True)
    claims = await asyncio.gather(*(claim(paying, refund) for _ in range(50)), return_exceptions=True)
    assert sum(isinstance(each, Payout) for each in claims) == 1
    assert {each.code for each in claims if isinstance(each, Conflict)} == {"refund_claiming"}
    await paying.process.work()
    assert await paying.received_sat() == 100
    with pytest.raises(Conflict) as refusal:
        await claim(paying, refund)
    assert refusal.value.code == "refund_claimed"


async def test_an_invoice_that_is_sent_again_is_told_what_became_of_its_claim(
    paying: PayingDomain, refunds: Refunds
) -> None:
    refund = await refunds.offer((await sold(paying)).payment_hash, caller=OPERATOR, operator_pays=True)
    asked = paying.creators_node.add_invoice(
        preimage=b"", amount_msat=refund.amount_msat, memo="", expiry_seconds=600
    ).payment_request
    await refunds.claim(refund.payment_hash, asked)
    for code in ("refund_claiming", "refund_claimed"):
        with pytest.raises(Conflict) as refusal:
            await refunds.claim(refund.payment_hash, asked)
        assert refusal.value.code == code
        await paying.process.work()


@pytest.mark.parametrize(("days_ahead", "days"), [(0, 8), (8, 1)], ids=["for-long", "made-in-the-future"])
async def test_an_invoice_that_lasts_too_long_sets_no_money_aside(
    paying: PayingDomain, refunds: Refunds, days_ahead: int, days: int
) -> None:
    refund = await refunds.offer((await sold(paying)).payment_hash, caller=OPERATOR, operator_pays=True)
    before = paying.domain.dump()
    paying.clock.advance(days_ahead * 86_400)
    asked = paying.creators_node.add_invoice(
        preimage=b"", amount_msat=refund.amount_msat, memo="", expiry_seconds=days * 86_400
    ).payment_request
    paying.clock.advance(-days_ahead * 86_400)
    with pytest.raises(Conflict) as refusal:
        await refunds.claim(refund.payment_hash, asked)
    assert refusal.value.code == "invoice_lasts_too_long"
    assert paying.domain.dump() == before


async def test_a_claim_that_fails_is_offered_again(paying: PayingDomain, refunds: Refunds) -> None:
    refund = await refunds.offer((await sold(paying)).payment_hash, caller=OPERATOR, operator_pays=True)
    paying.host.away = True
    await claim(paying, refund)
    assert await state(paying, refund) is RefundState.CLAIMING
    await paying.process.work()
    assert await state(paying, refund) is RefundState.OFFERED
    paying.host.away = False
    await claim(paying, refund)
    await paying.process.work()
    assert await state(paying, refund) is RefundState.CLAIMED


async def test_claims_that_fail_are_limited_by_the_day(paying: PayingDomain, refunds: Refunds) -> None:
    refund = await refunds.offer((await sold(paying)).payment_hash, caller=OPERATOR, operator_pays=True)
    paying.host.away = True
    for _ in range(MOST_CLAIMS):
        await claim(paying, refund)
        await paying.process.work()
    with pytest.raises(Conflict) as refusal:
        await claim(paying, refund)
    assert refusal.value.code == "refund_claimed_often"
    paying.clock.advance(CLAIMS_SECONDS)
    await claim(paying, refund)


async def test_an_unclaimed_refund_returns_whence_it_came_after_a_year(paying: PayingDomain, refunds: Refunds) -> None:
    await sold(paying)
    invoice = await sold(paying)
    before = await paying.domain.balances()
    refund = await refunds.offer(invoice.payment_hash, caller=OPERATOR)
    paying.clock.advance(OFFERED_SECONDS - 1)
    await refunds.return_expired()
    assert await state(paying, refund) is RefundState.OFFERED
    paying.clock.advance(1)
    await refunds.return_expired()
    assert await state(paying, refund) is RefundState.RETURNED
    after = await paying.domain.balances()
    assert {account: after[account] for account in (ALICE, BOB)} == {
        account: before[account] for account in (ALICE, BOB)
    }
    with pytest.raises(Conflict):
        await claim(paying, refund)


async def test_only_the_operator_offers_a_refund_and_only_of_a_payment(paying: PayingDomain, refunds: Refunds) -> None:
    unpaid = await paying.domain.sell()
    with pytest.raises(Forbidden):
        await refunds.offer(unpaid.payment_hash, caller=Caller("alice", "k"))
    with pytest.raises(Conflict) as refusal:
        await refunds.offer(unpaid.payment_hash, caller=OPERATOR)
    assert refusal.value.code == "not_settled"
    with pytest.raises(NotFound):
        await refunds.offer("0" * 64, caller=OPERATOR)
