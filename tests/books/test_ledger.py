"""The ledger has one transfer for each share; they sum to what was received, and never change."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.books.ledger import (
    CREATOR_PREFIX,
    SHARE_CODE,
    TIP_CODE,
    creator_account,
    split,
    transfers_of,
)
from gateway.money import MAX_MSAT, Msat
from gateway.ports.store import Tx
from gateway.rows import Invoice, Share, Transfer
from gateway.store.engines.database import Database
from tests.support.domain import Domain
from tests.support.rows import NODE_ACCOUNT, START, an_invoice

SHARES = st.lists(st.integers(1, 1_000_000), min_size=1, max_size=64).map(
    lambda weights: tuple(Share(creator=f"creator-{n}", weight=weight) for n, weight in enumerate(weights))
)


def paid(paid_msat: int, **fields: Any) -> Invoice:
    """An invoice that was settled with an amount."""
    return an_invoice(paid_msat=Msat(paid_msat), settled_at=START, **fields)


@given(paid_msat=st.integers(1, MAX_MSAT), shares=SHARES)
def test_the_transfers_of_a_payment_sum_to_what_was_received(paid_msat: int, shares: tuple[Share, ...]) -> None:
    transfers = transfers_of(paid(paid_msat, shares=shares), now=START)
    assert sum(transfer.amount_msat for transfer in transfers) == paid_msat
    assert all(transfer.amount_msat > 0 for transfer in transfers)
    assert {transfer.debit_account for transfer in transfers} == {NODE_ACCOUNT}
    assert len({transfer.n for transfer in transfers}) == len(transfers)


@given(amount_msat=st.integers(1, MAX_MSAT), shares=SHARES)
def test_a_split_shows_what_would_be_booked(amount_msat: int, shares: tuple[Share, ...]) -> None:
    booked = {t.credit_account: int(t.amount_msat) for t in transfers_of(paid(amount_msat, shares=shares), now=START)}
    assert {creator_account(name): part for name, part in split(amount_msat, shares) if part} == booked


def test_a_share_that_rounds_to_nothing_is_no_transfer_and_keeps_its_place() -> None:
    shares = tuple(Share(creator=name, weight=weight) for name, weight in (("a", 500), ("b", 1), ("c", 499)))
    transfers = transfers_of(paid(10, shares=shares), now=START)
    assert [(t.n, t.credit_account, t.amount_msat) for t in transfers] == [(0, "creator:a", 5), (2, "creator:c", 5)]


@pytest.mark.parametrize(("fields", "code"), [({}, SHARE_CODE), ({"item_id": None, "tip_to": "alice"}, TIP_CODE)])
def test_the_code_says_what_was_paid_for(fields: dict[str, Any], code: str) -> None:
    assert {transfer.code for transfer in transfers_of(paid(1_000, **fields), now=START)} == {code}


def test_an_unpaid_invoice_is_not_booked() -> None:
    with pytest.raises(AssertionError, match="settled"):
        transfers_of(an_invoice(), now=START)


async def test_balances_are_the_sums_of_transfers(domain: Domain) -> None:
    invoices = await domain.sell_many(3)
    for number, invoice in enumerate(invoices):
        domain.pay(invoice, amount_msat=100_000 + number)
    await domain.sweeper.sweep()
    booked = [await domain.store.read(lambda tx, i=i: tx.ledger.of_payment(i.payment_hash)) for i in invoices]  # type: ignore[misc]  # bound in the loop
    for invoice, transfers in zip(invoices, booked, strict=True):
        settled = await domain.row(invoice)
        assert list(transfers) == transfers_of(settled, now=START)
    balances = await domain.balances()
    for name in ("alice", "bob"):
        account = CREATOR_PREFIX + name
        assert balances[account] == sum(t.amount_msat for ts in booked for t in ts if t.credit_account == account)
    assert balances[NODE_ACCOUNT] == -300_003


async def test_nothing_posted_opens_no_account(store: Database) -> None:
    await store.write(lambda tx: tx.ledger.post([]))
    assert await store.read(lambda tx: tx.ledger.balances()) == []


async def test_accounts_that_are_new_and_old_are_moved_alike(domain: Domain) -> None:
    invoice = await domain.sell()
    seen: list[dict[str, int]] = []

    def move(tx: Tx) -> None:
        for n, (debit, credit) in enumerate((("suspense", "alice"), ("suspense", "bob"), ("bob", "alice"))):
            transfer = Transfer(
                payment_hash=invoice.payment_hash,
                code="test",
                n=n,
                debit_account=debit,
                credit_account=credit,
                amount_msat=Msat(10),
                created_at=START,
            )
            tx.ledger.post([transfer])
        seen.append({balance.account: balance.balance_msat for balance in tx.ledger.balances()})
        raise NothingHappened

    with pytest.raises(NothingHappened):
        await domain.store.write(move)
    # Work that raises is run a second time, apart from what it shared a commit with.
    assert seen[-1] == {"alice": 20, "bob": 0, "suspense": -20}
    assert await domain.balances() == {}


class NothingHappened(Exception):
    """Undoes a transaction."""
