"""A payout that is asked for is reserved whole or refused whole, with a code and what to do."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.books.ledger import payout_account
from gateway.catalog.api_keys import Caller
from gateway.errors import Conflict, Forbidden, Invalid, NotFound, TuppenceError
from gateway.money import from_sat
from gateway.payouts.decisions.records import Recorded
from gateway.payouts.payers import PayingNodes
from gateway.payouts.request import MOST_OPEN, Wanted
from gateway.ports.node import NodeState
from gateway.rows.payouts import Asker, PayoutState, TryState
from gateway.simulator.core import Simulator
from gateway.simulator.payments.in_process_payer import InProcessPayer
from gateway.simulator.payments.payment import Answer, Plan
from tests.payouts.conftest import ADDRESS, ALICE, PayingDomain
from tests.payouts.world import credit


async def test_a_payout_arrives_and_the_creator_pays_the_real_fee(paying: PayingDomain) -> None:
    asked = await paying.ask(1_000)
    assert (await paying.balance_sat(), await paying.balance_sat(payout_account(asked.payout_id))) == (48_990, 1_010)
    await paying.process.work()
    paid = await paying.payout(asked.payout_id)
    [try_] = await paying.tries(asked.payout_id)
    assert (paid.state, try_.state) == (PayoutState.SUCCEEDED, TryState.SUCCEEDED)
    assert try_.fee_msat is not None
    assert await paying.received_sat() == 1_000
    assert await paying.balance_sat() == 49_000 - try_.fee_msat / 1_000


async def test_all_leaves_nothing_that_could_be_paid(paying: PayingDomain) -> None:
    asked = await paying.ask(None)
    assert asked.amount_msat + asked.fee_limit_msat <= from_sat(50_000)
    assert await paying.balance_sat() < 1


async def test_a_key_asks_once_and_may_not_ask_for_another_amount(paying: PayingDomain) -> None:
    first, again = await paying.ask(1_000, key="k"), await paying.ask(1_000, key="k")
    assert first.payout_id == again.payout_id
    with pytest.raises(Conflict, match="another payout"):
        await paying.ask(2_000, key="k")


@pytest.mark.parametrize(
    ("fields", "kind", "code"),
    [
        ({"amount_msat": 0}, Invalid, "amount_invalid"),
        ({"amount_msat": -1_000}, Invalid, "amount_invalid"),
        ({"amount_msat": 1_500}, Invalid, "amount_invalid"),
        ({"amount_msat": from_sat(50_000)}, Conflict, "balance_too_low"),
        ({"amount_msat": from_sat(100_001)}, Conflict, "payout_above_cap"),
        ({"amount_msat": from_sat(99)}, Conflict, "payout_too_small"),
        ({"source_account": "creator:bob"}, NotFound, "destination_missing"),
        ({"destination": "lnbcrt1notaninvoice"}, Forbidden, "invoice_operator_only"),
        ({"destination": "lnbcrt1notaninvoice", "asked_by": Asker.OPERATOR}, Invalid, "invoice_invalid"),
        ({"caller": Caller("alice", "replaced")}, TuppenceError, "api_key_wrong"),
    ],
)
async def test_what_is_refused_reserves_nothing(
    paying: PayingDomain, fields: dict[str, Any], kind: type[TuppenceError], code: str
) -> None:
    before = paying.domain.dump()
    wanted = Wanted(source_account=ALICE, asked_by=Asker.CREATOR, amount_msat=from_sat(1_000))
    with pytest.raises(kind) as refusal:
        await paying.process.requests.ask(replace(wanted, **fields))
    assert refusal.value.code == code
    assert paying.domain.dump() == before


async def test_a_day_holds_no_more_than_its_cap_and_a_released_payout_does_not_count(paying: PayingDomain) -> None:
    requests = paying.process.requests
    requests.caps = replace(requests.caps, account_day_msat=from_sat(10_000))
    first = await paying.ask(6_000)
    with pytest.raises(Conflict) as refusal:
        await paying.ask(5_000)
    assert refusal.value.code == "account_day_cap"
    await paying.process.decisions.cancel(first.payout_id)
    await paying.ask(5_000)
    await paying.process.work()
    paying.clock.advance(86_401)
    await paying.ask(10_000)


async def test_what_was_recorded_by_hand_takes_nothing_from_the_day_of_others(paying: PayingDomain) -> None:
    requests = paying.process.requests
    requests.caps = replace(requests.caps, day_msat=from_sat(10_000))
    await paying.process.records.record(Recorded(creator="alice", amount_msat=from_sat(9_000), note="in cash"))
    await paying.ask(10_000)


@pytest.mark.parametrize("expiry_seconds", [600, 3_000])
async def test_a_pasted_invoice_that_could_not_be_sent_is_tried_until_it_expires(
    paying: PayingDomain, expiry_seconds: int
) -> None:
    paying.host.expiry_seconds = expiry_seconds
    invoice = await paying.host.invoice(await paying.host.offer(ADDRESS), from_sat(1_000))
    asked = await paying.process.requests.ask(
        Wanted(source_account=ALICE, asked_by=Asker.OPERATOR, destination=invoice)
    )
    paying.core.state = NodeState.ABSENT
    for _ in range(15):
        await paying.process.work()
        paying.clock.advance(300)
    assert (await paying.payout(asked.payout_id)).state is PayoutState.CANCELED
    assert len(await paying.tries(asked.payout_id)) == expiry_seconds // 300 + 1
    assert await paying.balance_sat() == 50_000


async def test_payouts_that_wait_are_limited_though_they_hold_no_money(paying: PayingDomain) -> None:
    paying.host.away = True
    for _ in range(MOST_OPEN):
        await paying.ask(100)
        await paying.process.work()
    with pytest.raises(Conflict) as refusal:
        await paying.ask(100)
    assert refusal.value.code == "payouts_open"


async def test_while_payouts_are_paused_none_is_reserved_and_none_is_sent(paying: PayingDomain) -> None:
    asked = await paying.ask(1_000)
    await paying.process.pause.pause("operator")
    with pytest.raises(Conflict) as refusal:
        await paying.ask(1_000)
    assert refusal.value.code == "payouts_paused"
    await paying.process.work()
    assert (await paying.payout(asked.payout_id)).state is PayoutState.WAITING
    assert await paying.received_sat() == 0
    await paying.process.pause.resume()
    paying.clock.advance(3_600)
    await paying.process.work()
    assert await paying.received_sat() == 1_000


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"lie_msat": 1_000}, "amount_differs"),
        ({"lie_msat": -1_000}, "amount_differs"),
        ({"min_msat": 10**10}, "below_minimum"),
        ({"max_msat": 2_000}, "above_maximum"),
        ({"min_msat": 2_000, "max_msat": 1_000}, "destination_refused"),
        ({"away": True}, "destination_away"),
        ({"expiry_seconds": 30}, "invoice_expired"),
        ({"expiry_seconds": 8 * 86_400}, "invoice_lasts_too_long"),
    ],
)
async def test_a_host_that_lies_or_is_away_costs_nothing_and_is_asked_again(
    paying: PayingDomain, fault: dict[str, Any], reason: str
) -> None:
    good = {name: getattr(paying.host, name) for name in fault}
    for name, value in fault.items():
        setattr(paying.host, name, value)
    asked = await paying.ask(1_000)
    await paying.process.work()
    [try_] = await paying.tries(asked.payout_id)
    assert (try_.state, try_.reason) == (TryState.RELEASED, reason)
    assert await paying.balance_sat() == 50_000
    for name, value in good.items():
        setattr(paying.host, name, value)
    paying.clock.advance(3_600)
    await paying.process.work()
    assert (await paying.payout(asked.payout_id)).state is PayoutState.SUCCEEDED
    assert await paying.received_sat() == 1_000


async def test_a_payout_that_fails_is_tried_after_1_6_and_24_hours_and_then_asks(paying: PayingDomain) -> None:
    paying.host.away = True
    asked = await paying.ask(1_000)
    waits = []
    for _ in range(3):
        await paying.process.work()
        row = await paying.payout(asked.payout_id)
        assert row.next_try_at is not None
        waits.append(row.next_try_at - int(paying.clock()))
        paying.clock.advance(waits[-1])
    await paying.process.work()
    assert waits == [3_600, 21_600, 86_400]
    assert (await paying.payout(asked.payout_id)).state is PayoutState.NEEDS_DECISION
    assert await paying.balance_sat() == 50_000
    paying.host.away = False
    await paying.process.decisions.try_again(asked.payout_id)
    await paying.process.work()
    assert (await paying.payout(asked.payout_id)).state is PayoutState.SUCCEEDED


async def test_an_invoice_of_our_own_is_never_paid(paying: PayingDomain) -> None:
    ours = await paying.domain.sell()
    paying.host.creators_node = paying.core
    asked = await paying.ask(1_000)
    await paying.process.work()
    assert [try_.reason for try_ in await paying.tries(asked.payout_id)] == ["invoice_ours"]
    with pytest.raises(Conflict) as refusal:
        await paying.process.requests.ask(
            Wanted(source_account=ALICE, asked_by=Asker.OPERATOR, destination=ours.payment_request)
        )
    assert refusal.value.code == "invoice_ours"


async def test_an_invoice_is_tried_for_one_payout_only(paying: PayingDomain) -> None:
    invoice = await paying.host.invoice(await paying.host.offer(ADDRESS), from_sat(1_000))
    wanted = Wanted(source_account=ALICE, asked_by=Asker.OPERATOR, destination=invoice)
    first, second = [await paying.process.requests.ask(wanted) for _ in range(2)]
    await paying.process.work()
    states = [(await paying.payout(payout.payout_id)).state for payout in (first, second)]
    assert sorted(states) == [PayoutState.CANCELED, PayoutState.SUCCEEDED]
    assert await paying.received_sat() == 1_000
    with pytest.raises(Conflict) as refusal:
        await paying.process.requests.ask(wanted)
    assert refusal.value.code == "invoice_used"


async def test_an_invoice_is_read_by_whichever_node_answers(paying: PayingDomain) -> None:
    invoice = await paying.host.invoice(await paying.host.offer(ADDRESS), from_sat(1_000))
    absent = Simulator(clock=paying.clock, random_bytes=paying.rng.randbytes)
    absent.state = NodeState.ABSENT
    away, here = InProcessPayer(absent, node_id="away"), InProcessPayer(paying.core)
    store = paying.domain.store
    assert (await PayingNodes([away, here], store).decode(invoice)).amount_msat == from_sat(1_000)
    for nodes, code in (([away], "node_away"), ([], "payouts_off")):
        with pytest.raises(TuppenceError) as refusal:
            await PayingNodes(nodes, store).decode(invoice)
        assert refusal.value.code == code


async def test_one_slow_payment_delays_no_other_creators(paying: PayingDomain) -> None:
    plans = iter([Plan(answer=Answer.SILENT, ends_after_seconds=None)] * 2)
    paying.core.payments.plan = lambda: next(plans, Plan())
    await credit(paying.domain, "bob", 5_000, address="bob@host.example")
    for _ in range(3):
        await paying.ask(1_000)
    await paying.process.work()
    await paying.process.requests.ask(Wanted(source_account="creator:bob", asked_by=Asker.CREATOR))
    await paying.process.work()
    bobs = await paying.domain.store.read(
        lambda tx: tx.payouts.list(source_account="creator:bob", before=None, limit=9)
    )
    assert [payout.state for payout in bobs] == [PayoutState.SUCCEEDED]
