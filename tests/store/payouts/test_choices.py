"""Destinations, rules, the pause and the caps."""

import asyncio
from dataclasses import replace

from structlog.testing import capture_logs

from gateway.money import Msat
from gateway.ports.store import Tx
from gateway.rows.payouts import Destination, Interval, PayoutRule
from gateway.store.engines.database import Database
from tests.support.rows import START


async def test_a_destination_is_replaced_and_found_by_its_creator(books: Database) -> None:
    first = Destination(creator="bob", address="", next_address="b@pay.example", next_at=START + 9, changed_at=START)
    second = replace(first, address="b@pay.example", next_address=None, next_at=None)
    other = replace(second, creator="alice")
    assert await books.read(lambda tx: tx.destinations.get("bob")) is None
    await books.write(lambda tx: tx.destinations.put(first))
    assert await books.write(lambda tx: tx.destinations.lock("bob")) == first
    for put in (second, other):
        await books.write(lambda tx, p=put: tx.destinations.put(p))  # type: ignore[misc]  # bound in the loop
    assert await books.read(lambda tx: tx.destinations.get("bob")) == second
    assert await books.read(lambda tx: tx.destinations.list()) == [other, second]


async def test_a_rule_is_due_at_its_instant_and_moved_on_once(books: Database) -> None:
    rule = PayoutRule(creator="alice", threshold_msat=Msat(9), interval=Interval.DAILY, next_at=START)
    weekly = replace(rule, creator="bob", interval=Interval.WEEKLY, next_at=START + 5)
    for put in (weekly, rule):
        await books.write(lambda tx, p=put: tx.payout_rules.put(p))  # type: ignore[misc]  # bound in the loop
    assert await books.read(lambda tx: tx.payout_rules.due(now=START - 1, limit=9)) == []
    assert await books.read(lambda tx: tx.payout_rules.due(now=START + 5, limit=9)) == [rule, weekly]
    advanced = [
        await books.write(lambda tx: tx.payout_rules.advance("alice", was_next_at=START, next_at=START + 60))
        for _ in range(2)
    ]
    assert advanced == [True, False]
    changed = replace(rule, threshold_msat=Msat(10), next_at=START + 60)
    await books.write(lambda tx: tx.payout_rules.put(changed))
    assert await books.read(lambda tx: tx.payout_rules.get("alice")) == changed
    assert [await books.write(lambda tx: tx.payout_rules.delete("alice")) for _ in range(2)] == [True, False]
    assert await books.read(lambda tx: tx.payout_rules.get("alice")) is None


async def test_the_first_pause_keeps_its_reason_until_it_is_ended(books: Database) -> None:
    assert await books.write(lambda tx: tx.payout_pauses.lock()) is None
    assert not await books.write(lambda tx: tx.payout_pauses.resume())
    await books.write(lambda tx: tx.payout_pauses.pause("holidays", now=START))
    await books.write(lambda tx: tx.payout_pauses.pause("another", now=START + 1))
    for asked in (lambda tx: tx.payout_pauses.current(), lambda tx: tx.payout_pauses.lock()):
        assert await books.write(asked) == ("holidays", START)
    assert await books.read(lambda tx: tx.payout_pauses.current()) == ("holidays", START)
    assert [await books.write(lambda tx: tx.payout_pauses.resume()) for _ in range(2)] == [True, False]
    assert await books.read(lambda tx: tx.payout_pauses.current()) is None


async def test_caps_are_locked_in_one_order_by_all_and_counted(books: Database) -> None:
    def lock(tx: Tx, names: list[str]) -> None:
        tx.payout_caps.lock(names)

    names = ["all", "creator:alice", "creator:bob"]
    orders = [names, names[::-1], [*names, *names]] * 10
    with capture_logs() as logs:
        await asyncio.gather(*(books.write(lambda tx, o=order: lock(tx, o)) for order in orders))  # type: ignore[misc]  # bound in the loop
    assert logs == []
    assert await books.read(lambda tx: tx.payout_caps.count()) == 3 * len(orders)
