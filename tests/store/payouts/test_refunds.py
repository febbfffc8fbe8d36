"""Refunds: one of a payment, with one claim at a time, and one that is paid."""

from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from gateway.ports.store import Tx
from gateway.rows import Invoice
from gateway.rows.payouts import PayoutState, Refund, RefundState
from gateway.store.engines.database import Database
from tests.support.payout_rows import (
    a_claim,
    a_refund,
    claim,
    claim_paid,
    dispatch,
    earn,
    give_back,
    offer,
    reserve,
    succeed,
)
from tests.support.rows import START


async def test_a_payment_is_refunded_once_and_its_invoice_says_so(books: Database) -> None:
    def offered(tx: Tx) -> tuple[Refund, Invoice]:
        invoice = earn(tx, number=901)
        return offer(tx, invoice), invoice

    refund, invoice = await books.write(offered)
    assert invoice.refunded_at is None
    assert not await books.write(lambda tx: tx.refunds.insert(replace(refund, k1_hash="f" * 64)))
    row = await books.read(lambda tx: tx.invoices.get(invoice.payment_hash))
    assert row == replace(invoice, refunded_at=START)
    assert await books.read(lambda tx: tx.refunds.get(refund.payment_hash)) == refund
    assert await books.write(lambda tx: tx.refunds.lock(refund.payment_hash)) == refund
    assert await books.read(lambda tx: tx.refunds.by_k1(refund.k1_hash)) == refund
    assert await books.read(lambda tx: tx.refunds.by_k1("f" * 64)) is None
    assert len(await books.read(lambda tx: tx.ledger.of_refund(refund.payment_hash))) == 1


async def test_what_is_not_paid_is_not_refunded(books: Database) -> None:
    def unpaid(tx: Tx) -> None:
        tx.refunds.insert(a_refund(replace(earn(tx, number=901), payment_hash="f" * 64)))

    with pytest.raises(IntegrityError):
        await books.write(unpaid)


async def test_refunds_are_listed_the_newest_first_and_expire_after_their_year(books: Database) -> None:
    def offers(tx: Tx) -> list[Refund]:
        invoices = [earn(tx, number=900 + n, amount_msat=1_000) for n in range(1, 6)]
        rows = [
            offer(tx, invoice, created_at=START + n // 2, expires_at=START + 100 - n)
            for n, invoice in enumerate(sorted(invoices, key=lambda invoice: invoice.payment_hash))
        ]
        return rows[::-1]

    rows = await books.write(offers)
    found: list[Refund] = []
    while page := await books.read(
        lambda tx, f=found: tx.refunds.list(before=f[-1].payment_hash if f else None, limit=2)  # type: ignore[misc]  # bound in the loop
    ):
        found += page
    assert found == rows
    assert await books.read(lambda tx: tx.refunds.list(before="none", limit=2)) == []
    assert await books.read(lambda tx: tx.refunds.expired(now=START + 97, limit=9)) == rows[:2]
    assert len(await books.read(lambda tx: tx.refunds.expired(now=START + 100, limit=3))) == 3
    since = await books.read(lambda tx: tx.refunds.refunded_since(START + 2))
    assert {*since} == {rows[0].payment_hash}


async def test_one_claim_is_under_way_at_a_time_and_one_is_paid(books: Database) -> None:
    def begin(tx: Tx) -> Refund:
        refund = offer(tx, earn(tx, number=901))
        first, second, third = (a_claim(refund, number) for number in (1, 2, 3))
        try_ = reserve(tx, first)
        claiming = claim(tx, refund, first)
        assert not tx.payouts.insert(second)
        give_back(tx, try_)
        offered = replace(refund, payout_id=first.payout_id)
        assert tx.refunds.change(offered, was=claiming)
        assert not tx.refunds.change(offered, was=claiming)
        try_ = reserve(tx, second)
        claiming = claim(tx, offered, second)
        succeed(tx, dispatch(tx, try_))
        claimed = claim_paid(tx, claiming, rest_msat=700)
        assert not tx.payouts.insert(third)
        assert not tx.refunds.change(replace(claimed, state=RefundState.OFFERED, ended_at=None), was=claimed)
        return claimed

    claimed = await books.write(begin)
    assert await books.read(lambda tx: tx.refunds.get(claimed.payment_hash)) == claimed
    assert await books.read(lambda tx: tx.refunds.expired(now=claimed.expires_at, limit=9)) == []
    assert await books.read(lambda tx: tx.ledger.balance_msat(f"refund:{claimed.payment_hash}")) == 0
    assert not await books.write(
        lambda tx: tx.payouts.insert(a_claim(claimed, 4, state=PayoutState.WAITING, next_try_at=START))
    )
