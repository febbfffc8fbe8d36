"""Where a payer had a refund sent is deleted a day after the end, and nothing else of it."""

from dataclasses import replace

import pytest

from gateway.books.retention import CLAIM_DESTINATION_SECONDS, DAY_SECONDS, Purged, Purger
from gateway.ports.store import Tx
from tests.support.domain import Domain
from tests.support.payout_rows import OUTGOING, a_claim, a_payout, claim, dispatch, earn, offer, pay_out, reserve
from tests.support.rows import START, hash_of

NOTHING = Purged(unpaid=0, payment_requests=0, notes=0)


@pytest.fixture
def purger(domain: Domain) -> Purger:
    return Purger(domain.store, domain.clock, domain.store.compact, note_seconds=90 * DAY_SECONDS)


async def test_where_a_refund_was_sent_goes_a_day_after_the_end_and_a_creators_destination_stays(
    domain: Domain, purger: Purger
) -> None:
    await domain.store.write(pay_out)
    claim, creators = a_payout(4).payout_id, a_payout(1).payout_id
    domain.clock.now = START + 2 + CLAIM_DESTINATION_SECONDS - 1
    assert await purger.purge() == NOTHING
    domain.clock.advance(1)
    assert await purger.purge() == replace(NOTHING, destinations=1)
    assert await purger.purge() == NOTHING
    kept = {row[0]: row[4] for row in domain.dump()["payouts"]}
    assert kept[claim] == ""
    assert kept[creators] == "alice@pay.example"
    requests = {row[0]: (row[7], row[8]) for row in domain.dump()["payout_tries"]}
    assert requests[claim] == (None, hash_of(OUTGOING + 4))
    assert requests[creators] == ("lnbcrt500n1outgoing1", hash_of(OUTGOING + 1))


async def test_where_a_refund_is_being_sent_stays_at_once_or_not(domain: Domain, purger: Purger) -> None:
    def begin(tx: Tx) -> None:
        earn(tx)
        refund = offer(tx, earn(tx, number=901))
        payout = a_claim(refund, 1)
        try_ = reserve(tx, payout)
        claim(tx, refund, payout)
        dispatch(tx, try_)

    await domain.store.write(begin)
    before = domain.dump()["payouts"]
    assert (await purger.purge(at_once=True)).destinations == 0
    assert domain.dump()["payouts"] == before
