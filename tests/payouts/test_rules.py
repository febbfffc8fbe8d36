"""A rule pays all out at its interval, once per interval, when the threshold is reached."""

import pytest

from gateway.catalog.api_keys import OPERATOR, Caller
from gateway.errors import Forbidden, Invalid
from gateway.money import from_sat
from gateway.payouts.worker import ALSO_EVERY_SECONDS
from gateway.rows.payouts import Asker, Interval, PayoutState
from tests.payouts.conftest import ALICE, PayingDomain
from tests.payouts.world import credit

DAY_SECONDS = 86_400


async def set_rule(paying: PayingDomain, threshold_sat: int, interval: Interval = Interval.DAILY) -> None:
    """Give alice a rule."""
    await paying.process.rules.put("alice", threshold_msat=from_sat(threshold_sat), interval=interval, caller=OPERATOR)


async def asked(paying: PayingDomain) -> list[str]:
    """Who asked for each payout of alice."""
    found = await paying.domain.store.read(lambda tx: tx.payouts.list(source_account=ALICE, before=None, limit=99))
    return [payout.asked_by.value for payout in found]


async def test_a_rule_pays_all_from_its_threshold_on(paying: PayingDomain) -> None:
    await set_rule(paying, 10_000)
    await paying.process.work()
    assert await asked(paying) == [Asker.RULE]
    assert await paying.balance_sat() < 110
    await paying.process.work()
    paying.clock.advance(DAY_SECONDS)
    await paying.process.work()
    assert await asked(paying) == [Asker.RULE], "there was nothing to pay on the second day"


@pytest.mark.parametrize("passed_seconds", [ALSO_EVERY_SECONDS, -DAY_SECONDS])
async def test_a_new_rule_is_looked_at_within_a_minute_though_the_clock_is_set_back(
    paying: PayingDomain, passed_seconds: int
) -> None:
    await paying.process.work()
    paying.clock.advance(passed_seconds)
    await set_rule(paying, 10_000)
    await paying.process.work()
    assert await asked(paying) == [Asker.RULE]


async def test_a_rule_waits_for_its_threshold_and_its_interval(paying: PayingDomain) -> None:
    await set_rule(paying, 60_000, Interval.WEEKLY)
    await paying.process.work()
    await credit(paying.domain, "alice", 20_000, address="alice@host.example")
    paying.clock.advance(6 * DAY_SECONDS)
    await paying.process.work()
    assert await asked(paying) == []
    paying.clock.advance(DAY_SECONDS)
    await paying.process.work()
    assert await asked(paying) == [Asker.RULE]


async def test_a_rule_pays_once_though_its_process_ends_before_it_has_noted_so(paying: PayingDomain) -> None:
    await set_rule(paying, 10_000)
    rule = await paying.domain.store.read(lambda tx: tx.payout_rules.get("alice"))
    assert rule is not None
    await paying.process.work()
    await credit(paying.domain, "alice", 20_000, address="alice@host.example")
    await paying.domain.store.write(lambda tx: tx.payout_rules.put(rule))
    await paying.restarted().work()
    assert await asked(paying) == [Asker.RULE]


async def test_a_rule_asks_for_nothing_while_a_payout_is_open_or_payouts_are_paused(paying: PayingDomain) -> None:
    paying.host.away = True
    first = await paying.ask(1_000)
    await paying.process.work()
    await set_rule(paying, 10_000)
    paying.clock.advance(ALSO_EVERY_SECONDS)
    await paying.process.work()
    assert await asked(paying) == [Asker.CREATOR]
    await paying.process.decisions.cancel(first.payout_id)
    await paying.process.pause.pause("operator")
    paying.clock.advance(DAY_SECONDS)
    await paying.process.work()
    assert await asked(paying) == [Asker.CREATOR]
    assert (await paying.payout(first.payout_id)).state is PayoutState.CANCELED


async def test_a_rule_is_the_operators_and_of_whole_sat(paying: PayingDomain) -> None:
    with pytest.raises(Forbidden):
        await paying.process.rules.put(
            "alice", threshold_msat=from_sat(1), interval=Interval.DAILY, caller=Caller("alice", "k")
        )
    with pytest.raises(Invalid):
        await paying.process.rules.put("alice", threshold_msat=1_500, interval=Interval.DAILY, caller=OPERATOR)
