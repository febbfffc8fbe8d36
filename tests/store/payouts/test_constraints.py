"""The database itself refuses what must not be, and of many that reserve at once as many succeed as fit."""

import asyncio
from collections import Counter
from collections.abc import Awaitable

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from structlog.testing import capture_logs

from gateway.errors import Conflict
from gateway.money import Msat
from gateway.ports.store import Tx
from gateway.rows.payouts import PayoutState, Try
from gateway.settlement.settle import Settler
from gateway.store.engines.database import Database, open_database
from tests.support.databases import dump_tables
from tests.support.domain import Domain
from tests.support.payout_rows import (
    ALICE,
    a_claim,
    a_payout,
    claim,
    claim_paid,
    dispatch,
    earn,
    give_back,
    named,
    offer,
    pay_out,
    reserve,
    succeed,
)
from tests.support.rows import START, a_creator
from tests.support.settlements import sell_and_pay

TRY = (
    "INSERT INTO payout_tries (payout_id, n, state, source_account, amount_msat, fee_limit_msat, reserved_at, sends, "
    "reason, ended_at, fee_msat) VALUES ('{}', 7, '{}', 'creator:alice', 1000, 0, 1, 0, '', {}, 0)"
)
TRANSFER = "INSERT INTO transfers VALUES ({}, '{}', {}, 'a', 'b', 1, 1, {}, {})"
PAYOUT = (
    "INSERT INTO payouts (payout_id, source_account, amount_msat, fee_limit_msat, destination, asked_by, state, "
    "created_at, next_try_at, ended_at) VALUES ('x', '{}', {}, {}, '', 'payer', '{}', 1, {}, {})"
)


@pytest.mark.parametrize(
    "statement",
    [
        # A second try of what was paid or is under way, whoever asks for it.
        TRY.format("{paid}", "reserved", "NULL"),
        TRY.format("{paid}", "succeeded", "2"),
        TRY.format("{sent}", "reserved", "NULL"),
        # One of no payout, without an end, without an invoice, of another state.
        TRY.format("none", "reserved", "NULL"),
        TRY.format("{waiting}", "failed", "NULL"),
        TRY.format("{waiting}", "reserved", "2"),
        TRY.format("{waiting}", "dispatched", "NULL"),
        TRY.format("{waiting}", "paid", "2"),
        # What may have been sent is not released, forgets nothing and shares its invoice with no other.
        "UPDATE payout_tries SET state = 'released', ended_at = 2 WHERE payout_id = '{sent}'",
        "UPDATE payout_tries SET state = 'reserved' WHERE payout_id = '{sent}'",
        *(
            f"UPDATE payout_tries SET {column} = NULL WHERE state = 'dispatched'"  # noqa: S608  # ours
            for column in ("payment_request", "payment_hash", "expires_at", "node_id", "sender", "check_at")
        ),
        "UPDATE payout_tries SET payment_hash = (SELECT payment_hash FROM payout_tries WHERE payout_id = '{paid}') "
        "WHERE payout_id = '{sent}'",
        "UPDATE payout_tries SET fee_msat = NULL WHERE payout_id = '{paid}'",
        "UPDATE payout_tries SET fee_msat = -1 WHERE payout_id = '{paid}'",
        "UPDATE payout_tries SET amount_msat = 0 WHERE payout_id = '{paid}'",
        # A payout of nothing, below a free route, that waits for ever, that has ended and goes on.
        PAYOUT.format("creator:alice", 0, 1, "needs_decision", "NULL", "NULL"),
        PAYOUT.format("creator:alice", 1, -1, "needs_decision", "NULL", "NULL"),
        PAYOUT.format("creator:alice", 1, 1, "waiting", "NULL", "NULL"),
        PAYOUT.format("creator:alice", 1, 1, "trying", "NULL", "2"),
        PAYOUT.format("creator:alice", 1, 1, "canceled", "NULL", "NULL"),
        PAYOUT.format("creator:alice", 1, 1, "sent", "NULL", "NULL"),
        # A second claim of a refund, while one waits or was paid.
        PAYOUT.format("refund:{refunded}", 1, 1, "waiting", "2", "NULL"),
        # A refund of what was not paid, a claim without a payout, an end without an instant.
        "UPDATE invoices SET refunded_at = 1 WHERE state = 'open'",
        "UPDATE refunds SET payout_id = NULL",
        "UPDATE refunds SET ended_at = NULL",
        "UPDATE refunds SET payout_id = 'none'",
        # Transfers of nobody, of two, of none that is there, and twice.
        TRANSFER.format("NULL", "paid", 9, "NULL", "NULL"),
        TRANSFER.format("'{refunded}'", "paid", 9, "'{paid}'", "NULL"),
        TRANSFER.format("'{refunded}'", "paid", 9, "NULL", "'{refunded}'"),
        TRANSFER.format("NULL", "paid", 9, "'{paid}'", "'{refunded}'"),
        TRANSFER.format("NULL", "paid", 9, "'none'", "NULL"),
        TRANSFER.format("NULL", "paid", 9, "NULL", "'none'"),
        TRANSFER.format("NULL", "paid", 0, "'{paid}'", "NULL"),
        TRANSFER.format("NULL", "refund", 0, "NULL", "'{refunded}'"),
        "DELETE FROM transfers WHERE payout_id = '{paid}'",
        "UPDATE transfers SET n = 9 WHERE refund_of = '{refunded}'",
        # Accounts that owe.
        "UPDATE accounts SET balance_msat = -1 WHERE account LIKE 'payout:%'",
        "UPDATE accounts SET balance_msat = -1 WHERE account LIKE 'refund:%'",
        "INSERT INTO accounts VALUES ('payout:new', -1)",
        # A change of a destination without an instant; a pause without a reason.
        "UPDATE destinations SET next_at = NULL",
        "UPDATE payout_pauses SET since = 1",
        "UPDATE payout_rules SET threshold_msat = 0",
    ],
)
async def test_the_database_itself_refuses_what_must_not_be(domain: Domain, statement: str) -> None:
    await domain.sell()
    await domain.store.write(pay_out)
    before = domain.dump()
    with pytest.raises(IntegrityError):
        await domain.store.write(lambda tx: tx.creators._connection.execute(text(named(statement))))  # type: ignore[attr-defined]  # what no code does
    assert domain.dump() == before


# Many at once --------------------------------------------------------------------------------------------------------


async def outcomes(works: list[Awaitable[object]]) -> Counter[str]:
    """How often each ended how: `done`, or the code of its refusal."""
    found = await asyncio.gather(*works, return_exceptions=True)
    for error in found:
        if isinstance(error, BaseException) and not isinstance(error, Conflict):
            raise error
    return Counter(error.code if isinstance(error, Conflict) else "done" for error in found)


async def test_of_200_that_reserve_one_balance_as_many_succeed_as_it_holds(books: Database, database_url: str) -> None:
    """Nothing but the constraint decides: none of them looks at the balance first."""
    stores = [books, await open_database(database_url), await open_database(database_url)]
    payouts = [a_payout(number) for number in range(200)]
    found = await outcomes(
        [stores[n % 3].write(lambda tx, p=payout: reserve(tx, p)) for n, payout in enumerate(payouts)]  # type: ignore[misc]  # bound in the loop
    )
    for store in stores[1:]:
        await store.close()
    fit = 1_000_000 // 51_000
    assert found == {"done": fit, "balance_too_low": 200 - fit}
    assert await books.read(lambda tx: tx.ledger.balance_msat(ALICE)) == 1_000_000 - fit * 51_000
    assert len(dump_tables(database_url)["payouts"]) == fit


async def test_of_200_creators_who_reserve_at_once_as_many_succeed_as_the_cap_of_all_allows(
    books: Database, database_url: str
) -> None:
    cap_msat = 15 * 1_000

    def open_accounts(tx: Tx) -> None:
        for number in range(200):
            tx.creators.insert(a_creator(f"c{number}"))
            earn(tx, f"c{number}", amount_msat=2_000, number=1_500 + number)

    def capped(tx: Tx, number: int) -> Try:
        account = f"creator:c{number}"
        tx.payout_caps.lock([account, "all"])
        spent_msat = tx.tries.spent_msat(since=START, source_account=None)
        if spent_msat + 1_000 > cap_msat:
            raise Conflict("day_cap", "No more today.")
        return reserve(tx, a_payout(number, source_account=account, amount_msat=Msat(1_000)))

    await books.write(open_accounts)
    stores = [books, await open_database(database_url), await open_database(database_url)]
    found = await outcomes([stores[n % 3].write(lambda tx, n=n: capped(tx, n)) for n in range(200)])  # type: ignore[misc]  # bound in the loop
    for store in stores[1:]:
        await store.close()
    assert found == {"done": 15, "day_cap": 185}


async def test_a_pause_waits_for_those_who_rely_on_there_being_none_and_stops_all_later_ones(books: Database) -> None:
    seen: list[str] = []

    def reserve_unless_paused(tx: Tx, number: int) -> None:
        if tx.payout_pauses.lock() is not None:
            raise Conflict("payouts_paused", "Not now.")
        reserve(tx, a_payout(number, amount_msat=Msat(1_000)))

    async def pause() -> None:
        await books.write(lambda tx: tx.payout_pauses.pause("holidays", now=START))
        reserved = await books.read(lambda tx: tx.tries.reserved(limit=99))
        seen.extend(try_.payout_id for try_ in reserved)

    works: list[Awaitable[object]] = [books.write(lambda tx, n=n: reserve_unless_paused(tx, n)) for n in range(40)]  # type: ignore[misc]  # bound in the loop
    works.insert(20, pause())
    await outcomes(works)
    assert {try_.payout_id for try_ in await books.read(lambda tx: tx.tries.reserved(limit=99))} == {*seen}


async def test_settlements_payouts_and_refunds_of_one_creator_never_wait_for_each_other_in_a_circle(
    domain: Domain,
) -> None:
    """PostgreSQL would end one of those that wait in a circle; it is tried again, and said."""
    await domain.store.write(lambda tx: earn(tx, amount_msat=10_000_000))
    reports = await sell_and_pay(domain, 40)
    settlers = [Settler(domain.node, domain.store, domain.clock, domain.settler.announcer) for _ in range(2)]

    async def pay(number: int) -> None:
        try_ = await domain.store.write(lambda tx: reserve(tx, a_payout(number)))
        sent = await domain.store.write(lambda tx: dispatch(tx, try_, number))
        await domain.store.write(lambda tx: succeed(tx, sent))

    async def cancel(number: int) -> None:
        try_ = await domain.store.write(lambda tx: reserve(tx, a_payout(number)))
        await domain.store.write(lambda tx: give_back(tx, try_, then=PayoutState.CANCELED))

    async def refund(number: int) -> None:
        invoice = await domain.store.write(lambda tx: earn(tx, number=number))
        refund = await domain.store.write(lambda tx: offer(tx, invoice))
        payout = a_claim(refund, number)
        try_ = await domain.store.write(lambda tx: reserve(tx, payout))
        claiming = await domain.store.write(lambda tx: claim(tx, refund, payout))
        sent = await domain.store.write(lambda tx: dispatch(tx, try_, number))

        def paid(tx: Tx) -> None:
            succeed(tx, sent)
            claim_paid(tx, claiming, rest_msat=700)

        await domain.store.write(paid)

    with capture_logs() as logs:
        await asyncio.gather(
            *(settler.settle(reports[n : n + 4]) for n in range(0, 40, 4) for settler in settlers),
            *(pay(number) for number in range(20)),
            *(cancel(number) for number in range(20, 40)),
            *(refund(number) for number in range(1_500, 1_520)),
        )
    assert [line for line in logs if line["event"] == "transaction_tried_again"] == []
    balance_msat = await domain.store.read(lambda tx: tx.ledger.balance_msat(ALICE))
    assert balance_msat == 10_000_000 + 40 * 70_000 - 20 * 50_300 - 20 * 300
