"""Payouts and their tries: what is found again, and which change of a state is made."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.errors import Conflict
from gateway.money import Msat
from gateway.ports.store import Tx
from gateway.rows.payouts import Payout, PayoutState, TryState
from gateway.store.engines.database import Database
from tests.support.payout_rows import (
    ALICE,
    a_payout,
    a_try,
    dispatch,
    dispatched,
    give_back,
    reserve,
    succeed,
)
from tests.support.rows import START

ENDED: dict[str, Any] = {"state": PayoutState.CANCELED, "ended_at": START + 9}


def asked(number: int, **fields: Any) -> Payout:
    """A payout that needs a decision: it has no open try."""
    return a_payout(number, **{"state": PayoutState.NEEDS_DECISION} | fields)


async def test_a_payout_is_asked_for_once_by_its_id_and_by_its_key(books: Database) -> None:
    first = asked(1, idempotency_hash="k" * 64)
    assert await books.write(lambda tx: tx.payouts.insert(first))
    for again in (first, asked(2, idempotency_hash="k" * 64)):
        assert not await books.write(lambda tx, a=again: tx.payouts.insert(a))  # type: ignore[misc]  # bound in the loop
    assert await books.read(lambda tx: tx.payouts.by_idempotency("k" * 64)) == first
    assert await books.read(lambda tx: tx.payouts.get(first.payout_id)) == first
    assert await books.read(lambda tx: tx.payouts.by_idempotency("l" * 64)) is None
    assert await books.read(lambda tx: tx.payouts.get("none")) is None


async def test_the_newest_payouts_come_first_and_every_page_goes_on_where_the_last_ended(books: Database) -> None:
    """Several were asked for in one second."""
    rows = [asked(n, created_at=START + n // 3, source_account=ALICE if n % 2 else "creator:bob") for n in range(9)]
    await books.write(lambda tx: [tx.payouts.insert(row) for row in rows])
    for account in (None, ALICE):
        expected = [row for row in reversed(rows) if account in {None, row.source_account}]
        found: list[Payout] = []
        while page := await books.read(
            lambda tx, a=account, f=found: tx.payouts.list(  # type: ignore[misc]  # bound in the loop
                source_account=a, before=f[-1].payout_id if f else None, limit=2
            )
        ):
            found += page
        assert found == expected
    assert await books.read(lambda tx: tx.payouts.list(source_account=None, before="none", limit=9)) == []


async def test_a_payout_is_due_once_it_has_waited_and_open_until_it_has_ended(books: Database) -> None:
    waiting = [asked(n, state=PayoutState.WAITING, next_try_at=START + n) for n in (3, 1, 2)]
    other, ended = asked(4, source_account="creator:bob"), asked(5, **ENDED)
    await books.write(lambda tx: [tx.payouts.insert(row) for row in (*waiting, other, ended)])
    due = await books.read(lambda tx: tx.payouts.due(now=START + 2, limit=9))
    assert [payout.next_try_at for payout in due] == [START + 1, START + 2]
    assert len(await books.read(lambda tx: tx.payouts.due(now=START + 9, limit=1))) == 1
    still = await books.read(lambda tx: tx.payouts.open_of(ALICE))
    assert {payout.payout_id for payout in still} == {payout.payout_id for payout in waiting}


async def test_a_state_changes_from_what_it_was_and_never_from_its_end(books: Database) -> None:
    first = asked(1)
    waiting = replace(first, state=PayoutState.WAITING, next_try_at=START + 60)
    ended = replace(waiting, next_try_at=None, **ENDED)
    await books.write(lambda tx: tx.payouts.insert(first))
    assert not await books.write(lambda tx: tx.payouts.change(ended, was=waiting))
    assert await books.write(lambda tx: tx.payouts.change(waiting, was=first))
    assert not await books.write(lambda tx: tx.payouts.change(waiting, was=first))
    assert await books.write(lambda tx: tx.payouts.change(ended, was=waiting))
    for after in (ended, waiting):
        assert not await books.write(lambda tx, a=after: tx.payouts.change(a, was=ended))  # type: ignore[misc]  # bound in the loop
    assert await books.write(lambda tx: tx.payouts.lock(first.payout_id)) == ended


# Tries ---------------------------------------------------------------------------------------------------------------


async def test_a_try_is_found_by_its_payout_its_number_and_its_invoice(books: Database) -> None:
    payout = a_payout()
    first = await books.write(lambda tx: give_back(tx, reserve(tx, payout), then=PayoutState.WAITING))
    waiting = replace(payout, state=PayoutState.WAITING)
    await books.write(lambda tx: tx.payouts.change(payout, was=waiting))
    second = await books.write(lambda tx: dispatch(tx, reserve(tx, payout, 1)))
    assert await books.read(lambda tx: tx.tries.of(payout.payout_id)) == [first, second]
    assert await books.read(lambda tx: tx.tries.get(payout.payout_id, 1)) == second
    assert await books.read(lambda tx: tx.tries.get(payout.payout_id, 2)) is None
    assert second.payment_hash is not None
    assert await books.read(lambda tx: tx.tries.by_payment_hash(second.payment_hash or "")) == second
    assert await books.read(lambda tx: tx.tries.by_payment_hash("f" * 64)) is None
    ended = await books.write(lambda tx: succeed(tx, second))
    assert await books.read(lambda tx: tx.tries.get(payout.payout_id, 1)) == ended


async def test_of_two_that_change_a_try_from_one_state_only_one_does(books: Database) -> None:
    reserved = await books.write(lambda tx: reserve(tx, a_payout()))
    ours, theirs = dispatched(reserved, 1, sender="ours"), dispatched(reserved, 2, sender="theirs")
    assert await books.write(lambda tx: tx.tries.change(ours, was=reserved))
    assert not await books.write(lambda tx: tx.tries.change(theirs, was=reserved))
    again = replace(ours, sends=2, sender="theirs")
    assert await books.write(lambda tx: tx.tries.change(again, was=ours))
    assert not await books.write(lambda tx: tx.tries.change(replace(ours, sends=2), was=ours))
    ended = await books.write(lambda tx: succeed(tx, again))
    for after in (again, replace(ended, fee_msat=Msat(0))):
        assert not await books.write(lambda tx, a=after: tx.tries.change(a, was=ended))  # type: ignore[misc]  # bound in the loop
    assert await books.read(lambda tx: tx.tries.of(reserved.payout_id)) == [ended]


async def test_one_invoice_is_for_one_try(books: Database) -> None:
    first = await books.write(lambda tx: dispatch(tx, reserve(tx, a_payout(1)), 7))
    second = await books.write(lambda tx: reserve(tx, a_payout(2)))
    with pytest.raises(Conflict) as refusal:
        await books.write(lambda tx: dispatch(tx, second, 7))
    assert refusal.value.code == "invoice_used"
    assert await books.read(lambda tx: tx.tries.of(second.payout_id)) == [second]
    await books.write(lambda tx: succeed(tx, first))


async def test_reserved_tries_and_dispatched_ones_that_are_due_are_found_the_oldest_first(books: Database) -> None:
    tries = [await books.write(lambda tx, n=n: reserve(tx, a_payout(n), reserved_at=START - n)) for n in range(4)]  # type: ignore[misc]  # bound in the loop
    assert [t.reserved_at for t in await books.read(lambda tx: tx.tries.reserved(limit=3))] == [
        START - 3,
        START - 2,
        START - 1,
    ]
    sent = [dispatched(try_, n, check_at=START + n) for n, try_ in enumerate(tries)]
    for before, after in zip(tries, sent, strict=True):
        assert await books.write(lambda tx, a=after, b=before: tx.tries.change(a, was=b))  # type: ignore[misc]  # bound in the loop
    assert await books.read(lambda tx: tx.tries.reserved(limit=3)) == []
    assert await books.read(lambda tx: tx.tries.to_check(now=START + 2, limit=9)) == sent[:3]
    assert await books.read(lambda tx: tx.tries.to_check(now=START + 2, limit=1)) == sent[:1]


async def test_what_was_spent_counts_what_may_leave_yet_and_what_has_left_since_but_nothing_that_was_given_back(
    books: Database,
) -> None:
    """What was reserved before a long stop leaves after it."""
    day, long_ago = 86_400, START - 30 * 86_400
    await books.write(lambda tx: reserve(tx, a_payout(1), reserved_at=long_ago))
    await books.write(lambda tx: dispatch(tx, reserve(tx, a_payout(2), reserved_at=long_ago), 2))
    for number, sent_at in ((3, START - day), (4, START - day - 1)):
        late = await books.write(lambda tx, n=number: reserve(tx, a_payout(n), reserved_at=long_ago))  # type: ignore[misc]  # bound in the loop
        sent = dispatched(late, number, dispatched_at=sent_at)
        await books.write(lambda tx, was=late, is_=sent: (tx.tries.change(is_, was=was), succeed(tx, is_)))  # type: ignore[misc]  # bound in the loop
    await books.write(lambda tx: give_back(tx, dispatch(tx, reserve(tx, a_payout(5)), 5), TryState.FAILED))
    await books.write(lambda tx: give_back(tx, reserve(tx, a_payout(6))))

    async def spent(account: str | None) -> int:
        return await books.read(lambda tx: tx.tries.spent_msat(since=START - day, source_account=account))

    assert [await spent(account) for account in (None, ALICE, "creator:bob")] == [150_000, 150_000, 0]


async def test_fees_are_those_of_the_newest_payouts_to_a_destination(books: Database) -> None:
    def pay_four(tx: Tx) -> None:
        for number, fee_msat in enumerate((100, 200, 300, 0)):
            payout = a_payout(number, created_at=START + number)
            succeed(tx, dispatch(tx, reserve(tx, payout), number), fee_msat=fee_msat)

    await books.write(pay_four)
    await books.write(lambda tx: succeed(tx, dispatch(tx, reserve(tx, a_payout(8, destination="another")), 8)))
    fees = await books.read(lambda tx: tx.tries.paid_fees(ALICE, "alice@pay.example", limit=3))
    assert fees == [0, 300, 200]
    assert await books.read(lambda tx: tx.tries.paid_fees("creator:bob", "alice@pay.example", limit=3)) == []


# The books -----------------------------------------------------------------------------------------------------------


async def test_the_transfers_of_a_payout_are_its_own_and_its_account_is_empty_at_the_end(books: Database) -> None:
    await books.write(lambda tx: reserve(tx, a_payout(1)))
    paid = await books.write(lambda tx: succeed(tx, dispatch(tx, reserve(tx, a_payout(2)), 2)))
    transfers = await books.read(lambda tx: tx.ledger.of_payout(paid.payout_id))
    assert {t.code: int(t.amount_msat) for t in transfers} == {
        "reserve": 51_000,
        "paid": 50_000,
        "fee": 300,
        "return": 700,
    }
    balances = {b.account: b.balance_msat for b in await books.read(lambda tx: tx.ledger.balances())}
    assert balances == {
        ALICE: 1_000_000 - 51_000 - 50_300,
        "node:lnd": -1_000_000 + 50_300,
        f"payout:{a_payout(1).payout_id}": 51_000,
    }
    for account, msat in {**balances, f"payout:{paid.payout_id}": 0, "creator:nobody": 0}.items():
        assert await books.read(lambda tx, a=account: tx.ledger.balance_msat(a)) == msat  # type: ignore[misc]  # bound in the loop


async def test_more_than_there_is_is_not_reserved(books: Database) -> None:
    with pytest.raises(Conflict) as refusal:
        await books.write(lambda tx: reserve(tx, a_payout(1, amount_msat=Msat(999_001))))
    assert refusal.value.code == "balance_too_low"
    assert await books.read(lambda tx: tx.payouts.get(a_payout(1).payout_id)) is None
    await books.write(lambda tx: reserve(tx, a_payout(1, amount_msat=Msat(999_000))))


async def test_a_try_for_which_nothing_could_be_reserved_moves_nothing(books: Database) -> None:
    payout = a_payout(1, **ENDED)
    nothing = a_try(payout, state=TryState.RELEASED, ended_at=START, reason="balance_too_low")
    await books.write(lambda tx: tx.payouts.insert(payout))
    await books.write(lambda tx: tx.tries.insert(nothing))
    assert await books.read(lambda tx: tx.ledger.of_payout(payout.payout_id)) == []
