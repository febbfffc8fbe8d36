"""The parts of the torture in their smallest form, and what it says at the end.

Here nothing may be lost; how long anything took is limited by `make torture` alone.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path

import pytest

from gateway.ports.store import Tx
from gateway.rows.payouts import PayoutState, TryState
from gateway.store.engines.database import Database
from tests.support.payout_rows import OUTGOING, a_payout, dispatch, earn, give_back, reserve, succeed
from tests.support.rows import NODE_ID, a_creator, hash_of
from tools.days.simulation import Outcome
from tools.torture import flood, outages, resets, restarts, waiters
from tools.torture.__main__ import conclude
from tools.torture.days import tally_of
from tools.torture.payouts.comparison import compare_payouts
from tools.torture.tally import Tally, slower

Part = Callable[..., Awaitable[Tally]]


@pytest.mark.parametrize(
    ("part", "payments"),
    [
        pytest.param(partial(resets.reset, resets=5), 50, id="resets"),
        pytest.param(partial(restarts.restart_simulated, restarts=1), 40, id="restarts"),
        pytest.param(partial(flood.withstand, seconds=1), 40, id="flood"),
        pytest.param(partial(outages.without_node, seconds=1), 100, id="outages of the node"),
        pytest.param(
            partial(outages.without_database, seconds=1), 100, id="outages of the database", marks=pytest.mark.postgres
        ),
        pytest.param(partial(waiters.tell, waiters=80), 80, id="waiters", marks=pytest.mark.postgres),
    ],
)
async def test_each_part_of_the_torture_can_be_lived_through(tmp_path: Path, part: Part, payments: int) -> None:
    tally = await part(tmp_path, seed=1, report=lambda _: None)
    assert tally.is_clean, tally
    assert tally.payments >= payments


def test_the_worst_is_said_first_and_the_line_last(capsys: pytest.CaptureFixture[str]) -> None:
    slow = Tally(payments=7, slow=slower("ready", 4, 3))
    broken = Tally(lost=1, paid_twice=2, released_wrongly=3, broken=("[a] day: python -m tools.days 5 --journal",))
    assert not conclude(slow + broken)
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        "failed: 1 lost",
        "failed: 2 paid twice",
        "failed: 3 released wrongly",
        "failed: [a] day: python -m tools.days 5 --journal",
        "slow: ready: 4.00 s, where 3.00 s are allowed",
    ]
    line = json.loads(said.out)
    assert (line["payments"], line["lost"], line["paid_twice"], line["released_wrongly"]) == (7, 1, 2, 3)
    assert all(isinstance(value, int | float) for value in line.values())


def test_what_is_slow_is_not_lost_and_yet_no_success() -> None:
    slow = Tally(slow=slower("ready", 3.1, 3))
    assert slow.is_clean
    assert not conclude(slow)
    assert conclude(Tally(slow=slower("ready", 3, 3)))


def test_a_bad_day_is_told_with_its_seed_and_the_next_is_lived() -> None:
    ended: Future[Outcome] = Future()
    ended.set_exception(AssertionError("nothing can ever happen again"))
    tally = tally_of(23, ended)
    assert tally.broken == ("AssertionError('nothing can ever happen again'): python -m tools.days 23 --journal",)
    assert (tally.days, tally.is_clean) == (1, False)


GIVEN_BACK, PAID, UNKNOWN = (hash_of(OUTGOING + number) for number in (1, 2, 3))
SENT_MSAT = 50_300


def pay_at_the_second_try(tx: Tx) -> None:
    """Of a million msat that alice has, one payout: its first try failed, its second one was paid."""
    tx.creators.insert(a_creator())
    earn(tx, amount_msat=1_000_000)
    give_back(tx, dispatch(tx, reserve(tx, a_payout()), 1), TryState.FAILED, then=PayoutState.WAITING)
    succeed(tx, dispatch(tx, reserve(tx, a_payout(), 1), 2))


async def compared(store: Database, *paid: str) -> Tally:
    """The books against a node that has paid these."""
    await store.write(pay_at_the_second_try)
    compare = partial(
        compare_payouts, node_id=NODE_ID, paid=paid, received_msat=1_000_000, spent_msat=SENT_MSAT * len(paid)
    )
    return await store.read(compare)


async def test_books_that_say_what_the_node_has_paid_are_clean(store: Database) -> None:
    tally = await compared(store, PAID)
    assert (tally.payouts, tally.is_clean) == (1, True), tally


async def test_what_was_paid_twice_was_given_back_wrongly(store: Database) -> None:
    tally = await compared(store, GIVEN_BACK, PAID)
    assert (tally.paid_twice, tally.released_wrongly, tally.drift_msat) == (1, 1, SENT_MSAT)
    assert tally.broken == ()


async def test_a_payment_that_no_try_has_is_told(store: Database) -> None:
    tally = await compared(store, PAID, UNKNOWN)
    assert (tally.paid_twice, tally.released_wrongly, tally.drift_msat) == (0, 0, SENT_MSAT)
    assert tally.broken == (f"{UNKNOWN[:8]} was paid, and no try has it",)


@pytest.mark.parametrize(("in_flight", "is_clean"), [((GIVEN_BACK,), True), ((), False)])
async def test_a_try_is_open_only_as_long_as_the_node_calls_it_in_flight(
    store: Database, in_flight: Sequence[str], is_clean: bool
) -> None:
    await store.write(send_one)
    compare = partial(
        compare_payouts, node_id=NODE_ID, paid=(), received_msat=1_000_000, spent_msat=0, in_flight=in_flight
    )
    assert (await store.read(compare)).is_clean == is_clean


def send_one(tx: Tx) -> None:
    """Of a million msat that alice has, send a payout."""
    tx.creators.insert(a_creator())
    earn(tx, amount_msat=1_000_000)
    dispatch(tx, reserve(tx, a_payout()), 1)
