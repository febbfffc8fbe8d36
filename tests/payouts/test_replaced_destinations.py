"""A creator's payout goes to the address in use when it is sent, or nowhere."""

from dataclasses import replace

import pytest

from gateway.catalog.api_keys import OPERATOR, Caller
from gateway.payouts.destinations import address_in_use, set_destination
from gateway.payouts.request import Wanted
from gateway.rows.payouts import Asker, PayoutState, TryState
from tests.payouts.conftest import ADDRESS, ALICE, PayingDomain

OTHER = "alice@other.example"


async def replace_destination(paying: PayingDomain) -> None:
    """The operator has alice paid elsewhere."""
    await set_destination(
        paying.domain.store,
        paying.host,
        creator="alice",
        address=OTHER,
        caller=OPERATOR,
        now=int(paying.clock()),
        delay_seconds=0,
    )


@pytest.mark.parametrize("by", [Asker.CREATOR, Asker.RULE])
async def test_a_payout_that_waited_does_not_go_to_an_address_that_was_replaced(
    paying: PayingDomain, by: Asker
) -> None:
    paying.host.away = True
    asked = await paying.ask(1_000, by=by)
    await paying.process.work()
    await replace_destination(paying)
    paying.host.away = False
    paying.clock.advance(3_600)
    await paying.process.work()
    assert (await paying.payout(asked.payout_id)).state is PayoutState.CANCELED
    assert [try_.reason for try_ in await paying.tries(asked.payout_id)] == ["destination_away", "destination_changed"]
    assert (await paying.received_sat(), await paying.balance_sat()) == (0, 50_000)


async def test_a_payout_that_is_reserved_does_not_go_to_an_address_that_was_replaced(paying: PayingDomain) -> None:
    """The process stood still before it was sent."""
    asked = await paying.ask(1_000)
    await replace_destination(paying)
    await paying.process.work()
    [try_] = await paying.tries(asked.payout_id)
    assert (try_.state, try_.reason) == (TryState.RELEASED, "destination_changed")
    assert (await paying.payout(asked.payout_id)).state is PayoutState.CANCELED
    assert (await paying.received_sat(), await paying.balance_sat()) == (0, 50_000)


async def test_an_address_that_the_operator_named_is_paid_whatever_the_creators_own_is(paying: PayingDomain) -> None:
    wanted = Wanted(source_account=ALICE, asked_by=Asker.OPERATOR, amount_msat=1_000_000, destination=ADDRESS)
    asked = await paying.process.requests.ask(wanted)
    await replace_destination(paying)
    await paying.process.work()
    assert (await paying.payout(asked.payout_id)).state is PayoutState.SUCCEEDED


async def test_a_change_that_takes_effect_meanwhile_replaces_the_address_too(paying: PayingDomain) -> None:
    paying.host.away = True
    asked = await paying.ask(1_000)
    await paying.process.work()
    before = await paying.domain.store.read(lambda tx: tx.destinations.get("alice"))
    assert before is not None
    later = int(paying.clock()) + 60
    await paying.domain.store.write(lambda tx: tx.destinations.put(replace(before, next_address=OTHER, next_at=later)))
    paying.host.away = False
    paying.clock.advance(3_600)
    await paying.process.work()
    assert (await paying.payout(asked.payout_id)).state is PayoutState.CANCELED


@pytest.mark.parametrize(("instead_of", "in_use"), [(None, ADDRESS), ("alice", OTHER)])
async def test_a_new_key_by_the_operator_drops_a_change_that_the_old_one_made(
    paying: PayingDomain, instead_of: str | None, in_use: str
) -> None:
    """A creator's own new key drops none."""
    caller, day_seconds = Caller("alice", "alice"), 86_400
    await set_destination(
        paying.domain.store,
        paying.host,
        creator="alice",
        address=OTHER,
        caller=caller,
        now=int(paying.clock()),
        delay_seconds=day_seconds,
    )
    dropped = await paying.domain.catalog.rotate_key(
        "alice", key_id="new", key_hash="1" * 64, now=int(paying.clock()), instead_of=instead_of
    )
    assert dropped == (OTHER if instead_of is None else None)
    paying.clock.advance(day_seconds + 3_600)
    now = int(paying.clock())
    assert await paying.domain.store.read(lambda tx: address_in_use(tx, ALICE, now=now)) == in_use
    again = await paying.domain.catalog.rotate_key("alice", key_id="newer", key_hash="2" * 64, now=now)
    assert again is None, "what has taken effect stays"
    assert await paying.domain.store.read(lambda tx: address_in_use(tx, ALICE, now=now)) == in_use
