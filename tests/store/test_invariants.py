"""The audit: each forgery of the books is found by its invariant, and by no other."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from gateway.rows import Invoice
from gateway.settlement.suspense import book_at_node
from gateway.simulator.core import Simulator
from gateway.store.engines.invariants import MOST_AHEAD_SECONDS, audit, audit_database
from tests.support.clock import FakeClock
from tests.support.databases import change, seen_in
from tests.support.domain import open_domain
from tests.support.rows import START

UNGUARDED = {
    "sqlite": ("DROP TRIGGER transfers_no_update", "DROP TRIGGER transfers_no_delete"),
    "postgresql": ("DROP TRIGGER transfers_immutable ON transfers",),
}
GUARDED_IN_NAME = {
    "sqlite": (
        "DROP TRIGGER transfers_no_delete",
        "CREATE TRIGGER transfers_no_delete BEFORE DELETE ON transfers WHEN 0 "
        "BEGIN SELECT RAISE(ABORT, 'transfers are immutable'); END",
    ),
    "postgresql": ("ALTER TABLE transfers DISABLE TRIGGER transfers_immutable",),
}


@dataclass(frozen=True, slots=True)
class Books:
    """Closed books: of what was paid, and of what was not."""

    url: str
    paid: Invoice
    unpaid: Invoice

    def forge(self, *statements: str) -> None:
        """As nothing here does it; `{paid}` and `{unpaid}` are payment hashes."""
        paid, unpaid = self.paid.payment_hash, self.unpaid.payment_hash
        said = [words.replace("{paid}", paid).replace("{unpaid}", unpaid) for words in statements]

        def forge(connection: Connection) -> None:
            for words in said:
                connection.execute(text(words))

        change(self.url, forge)

    def broken(self) -> set[str]:
        """The invariants that do not hold."""
        return {finding.name for finding in seen_in(self.url, audit) if finding.broken}

    @property
    def kind(self) -> str:
        """Which database it is."""
        return self.url.partition("+")[0].partition(":")[0]


@pytest.fixture
async def books(tmp_path: Path, new_database_url: str, clock: FakeClock, core: Simulator) -> Books:
    async with open_domain(tmp_path, clock, core, database_url=new_database_url) as domain:
        paid, overpaid, unpaid = await domain.sell_many(3)
        tip = (await domain.create(domain.tip("bob", amount_msat=1_000))).invoice
        foreign = core.add_invoice(preimage=b"", amount_msat=5_000, memo="lost", expiry_seconds=600)
        core.pay(foreign.payment_hash)
        await book_at_node(domain.settler, domain.store, foreign.payment_hash.hex())
        domain.pay(paid)
        domain.pay(overpaid, amount_msat=100_001)
        domain.pay(tip)
        await domain.sweeper.sweep()
        assert await domain.states([paid, overpaid, tip, unpaid]) == ["settled"] * 3 + ["open"]
    return Books(new_database_url, paid, unpaid)


def test_books_in_order_break_no_invariant(books: Books) -> None:
    assert books.broken() == set()


@pytest.mark.parametrize("forged", [UNGUARDED, GUARDED_IN_NAME])
def test_i12_a_ledger_that_could_be_changed_is_found(books: Books, forged: dict[str, tuple[str, ...]]) -> None:
    books.forge(*forged[books.kind])
    assert books.broken() == {"I12"}


@pytest.mark.parametrize(
    ("broken", "statements"),
    [
        (
            ["I8"],
            (
                "UPDATE transfers SET credit_account = 'creator:bob' WHERE payment_hash = '{paid}' AND n = 0",
                "UPDATE accounts SET balance_msat = balance_msat - 70000 WHERE account = 'creator:alice'",
                "UPDATE accounts SET balance_msat = balance_msat + 70000 WHERE account = 'creator:bob'",
            ),
        ),
        (
            ["I3", "I8"],
            (
                "UPDATE transfers SET amount_msat = amount_msat + 1 WHERE payment_hash = '{paid}' AND n = 0",
                "UPDATE transfers SET amount_msat = amount_msat - 1 WHERE payment_hash = '{paid}' AND n = 1",
            ),
        ),
        (["I3"], ("UPDATE accounts SET balance_msat = balance_msat + 1 WHERE account = 'creator:bob'",)),
        (["I3"], ("DELETE FROM accounts WHERE account = 'creator:alice'",)),
        (["I8"], ("""UPDATE invoices SET shares = '[["bob", 1]]' WHERE payment_hash = '{paid}'""",)),
        (["I8"], ("UPDATE invoices SET shares = '[]' WHERE payment_hash = '{paid}'",)),
        (["I8"], ("UPDATE invoices SET shares = 'nonsense' WHERE payment_hash = '{paid}'",)),
        (["I2", "I3", "I8"], ("DELETE FROM transfers WHERE payment_hash = '{paid}'",)),
        (["I9"], ("DELETE FROM events WHERE payment_hash = '{paid}'",)),
        (["I9"], ("INSERT INTO events VALUES (99, '{unpaid}', 1)",)),
        (["I10"], ("UPDATE invoices SET settled_at = 1 WHERE payment_hash = '{unpaid}'",)),
        (["I10"], ("INSERT INTO recoveries VALUES ('c', '{unpaid}', 1)",)),
        (
            ["I3", "I10"],
            ("INSERT INTO transfers VALUES ('{unpaid}', 'share', 0, 'node:lnd', 'creator:bob', 1, 1, NULL, NULL)",),
        ),
    ],
)
def test_what_is_forged_is_found(books: Books, broken: list[str], statements: tuple[str, ...]) -> None:
    books.forge(*UNGUARDED[books.kind], *statements)
    assert books.broken() == {*broken, "I12"}


async def of_the_future(books: Books) -> list[str]:
    """What the audit says of dates."""
    found = await audit_database(books.url, now=START)
    return [finding.example for finding in found if "future" in finding.sentence and finding.broken]


async def test_i10_a_settlement_of_the_future_is_found(books: Books) -> None:
    dated = "UPDATE invoices SET settled_at = {at} WHERE payment_hash = '{{paid}}'"
    books.forge(dated.format(at=START + MOST_AHEAD_SECONDS))
    assert await of_the_future(books) == []
    books.forge(dated.format(at=9_999_999_999))
    assert await of_the_future(books) == [books.paid.payment_hash]
