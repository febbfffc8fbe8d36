"""What of payouts is under way, overdue, paused or needs a decision is shown as long as it is so."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.errors import Unavailable
from gateway.money import Msat
from gateway.payouts.follow_up import AFTER_EXPIRY_SECONDS
from gateway.ports.store import Tx
from gateway.rows.payouts import PayoutState
from tests.app.test_metrics import NODE, scrape
from tests.support.payout_rows import a_payout, a_try, dispatch, dispatched, earn, give_back, reserve
from tests.support.rows import EXPIRY_SECONDS, START
from tests.support.site import Site

STATES = ("trying", "waiting", "needs_decision")


def begin(tx: Tx) -> None:
    """One payout of each state, two that are being tried; and a pause, in which nothing is sent."""
    earn(tx, amount_msat=1_000_000)
    tx.payout_pauses.pause("holidays", now=START)
    dispatch(tx, reserve(tx, a_payout(1)))
    dispatch(tx, reserve(tx, a_payout(2, amount_msat=Msat(200_000), created_at=START + 10)), 2)
    give_back(tx, reserve(tx, a_payout(3)), then=PayoutState.WAITING)
    tx.payouts.insert(a_payout(4, state=PayoutState.NEEDS_DECISION))
    tx.payouts.insert(a_payout(5, state=PayoutState.CANCELED, ended_at=START))


def of_states(seen: dict[str, float]) -> list[float]:
    return [seen[f'tuppence_payouts{{state="{state}"}}'] for state in STATES]


async def test_without_payouts_everything_is_0(site: Site) -> None:
    seen = await scrape(site)
    assert of_states(seen) == [0, 0, 0]
    gauges = ("payouts_overdue", "payout_oldest_seconds", "payouts_reserved_msat", "payouts_paused_seconds")
    assert [seen[f"tuppence_{name}"] for name in gauges] == [0, 0, 0, 0]
    counters = ("paid_out", "paid_out_msat", "payout_fees_msat")
    assert [seen[f"tuppence_{name}_total{NODE}"] for name in counters] == [0, 0, 0]


async def test_what_is_under_way_is_counted_by_state_and_by_what_it_reserves(site: Site) -> None:
    await site.gateway.store.write(begin)
    site.clock.advance(30)
    seen = await scrape(site)
    assert of_states(seen) == [2, 1, 1]
    assert seen["tuppence_payouts_reserved_msat"] == 50_000 + 200_000 + 2 * 1_000
    assert seen["tuppence_payout_oldest_seconds"] == 30
    assert seen["tuppence_payouts_paused_seconds"] == 30
    await site.gateway.store.write(lambda tx: tx.payout_pauses.resume())
    assert (await scrape(site))["tuppence_payouts_paused_seconds"] == 0


async def test_a_try_is_overdue_from_a_minute_after_the_end_of_its_invoice_on(site: Site) -> None:
    await site.gateway.store.write(begin)
    site.clock.advance(EXPIRY_SECONDS + AFTER_EXPIRY_SECONDS - 1)
    assert (await scrape(site))["tuppence_payouts_overdue"] == 0
    site.clock.advance(1)
    assert (await scrape(site))["tuppence_payouts_overdue"] == 2


async def test_what_was_paid_out_is_counted_with_its_fees(site: Site) -> None:
    for number, fee_msat in ((1, 300), (2, 0)):
        sent = dispatched(a_try(a_payout(number)), number)
        site.gateway.announcer.paid_out(replace(sent, fee_msat=Msat(fee_msat)))
    seen = await scrape(site)
    counters = ("paid_out", "paid_out_msat", "payout_fees_msat")
    assert [seen[f"tuppence_{name}_total{NODE}"] for name in counters] == [2, 100_000, 300]


async def test_nothing_is_said_of_payouts_while_the_database_is_away(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: Any) -> None:
        raise Unavailable("database_away", "The disk is full.")

    await scrape(site)
    monkeypatch.setattr(site.gateway.store._store, "read", away)  # type: ignore[attr-defined]  # behind the meter
    seen = await scrape(site)
    assert not [name for name in seen if name.startswith("tuppence_payouts{")]
    assert seen["tuppence_payouts_overdue"] != seen["tuppence_payouts_overdue"], "not a number"
