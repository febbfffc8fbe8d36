"""The audit of payouts and refunds: each forgery is found by its sentence."""

import pytest
from sqlalchemy import Connection, text

from gateway.store.engines.database import open_database
from gateway.store.engines.invariants import audit
from tests.store.payouts.conftest import begin
from tests.support.databases import change, seen_in
from tests.support.payout_rows import named, pay_out

SENTENCES = TAKES, ENDS, ASKS, INVOICE, CLOSES, PAYS, HOLDS = (
    "A payout takes",
    "A payout ends once",
    "A try is for",
    "No invoice is paid",
    "A refund is of",
    "A refund is paid by",
    "A refund is claimed once",
)
UNGUARDED = {
    "sqlite": ("DROP TRIGGER transfers_no_update", "DROP TRIGGER transfers_no_delete"),
    "postgresql": ("DROP TRIGGER transfers_immutable ON transfers",),
}


@pytest.fixture
async def url(new_database_url: str) -> str:
    """A database of its own in which money has left, closed: its constraints will be dropped."""
    store = await open_database(new_database_url)
    await store.write(begin)
    await store.write(pay_out)
    await store.close()
    assert broken(new_database_url) == set()
    return new_database_url


def forge(url: str, *statements: str) -> None:
    def execute(connection: Connection) -> None:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
        else:
            connection.exec_driver_sql("ALTER TABLE payout_tries DROP CONSTRAINT ck_payout_tries_nothing_was_sent")
        for statement in (*UNGUARDED[connection.dialect.name], "DROP INDEX uq_payout_tries_live", *statements):
            connection.execute(text(named(statement)))

    change(url, execute)


def broken(url: str) -> set[str]:
    """The sentences of payouts that do not hold."""
    found = {result.sentence for result in seen_in(url, audit) if result.broken and result.name == "I11"}
    return {
        begin for begin in (TAKES, ENDS, ASKS, INVOICE, CLOSES, PAYS, HOLDS) if any(s.startswith(begin) for s in found)
    }


@pytest.mark.parametrize(
    ("found", "statements"),
    [
        ({TAKES}, ("UPDATE transfers SET amount_msat = 301 WHERE payout_id = '{paid}' AND code = 'fee'",)),
        ({TAKES}, ("UPDATE transfers SET credit_account = 'node:east' WHERE payout_id = '{paid}' AND code = 'paid'",)),
        (
            {TAKES},
            ("UPDATE transfers SET credit_account = 'suspense' WHERE payout_id = '{paid}' AND code = 'return'",),
        ),
        ({TAKES}, ("DELETE FROM transfers WHERE payout_id = '{paid}' AND code = 'return'",)),
        ({TAKES}, ("DELETE FROM transfers WHERE payout_id = '{waiting}' AND code = 'return'",)),
        ({TAKES}, ("UPDATE transfers SET n = 1 WHERE payout_id = '{paid}'",)),
        ({TAKES}, ("UPDATE payout_tries SET fee_msat = 301 WHERE payout_id = '{paid}'",)),
        ({TAKES}, ("UPDATE payout_tries SET node_id = NULL WHERE payout_id = '{paid}'",)),
        ({TAKES, ENDS}, ("UPDATE payout_tries SET state = 'failed' WHERE payout_id = '{paid}'",)),
        ({TAKES, ENDS}, ("UPDATE payout_tries SET state = 'released', ended_at = 1 WHERE payout_id = '{sent}'",)),
        ({TAKES}, ("DELETE FROM transfers WHERE payout_id = '{sent}'",)),
        (
            {TAKES, ENDS},
            (
                "INSERT INTO payout_tries (payout_id, n, state, source_account, amount_msat, fee_limit_msat, "
                "reserved_at, sends, reason, ended_at, fee_msat) "
                "VALUES ('{paid}', 1, 'succeeded', 'creator:alice', 50000, 0, 1, 0, '', 1, 0)",
            ),
        ),
        ({ENDS}, ("UPDATE payouts SET state = 'canceled' WHERE payout_id = '{paid}'",)),
        ({ENDS}, ("UPDATE payouts SET state = 'trying', ended_at = NULL WHERE payout_id = '{waiting}'",)),
        ({ENDS}, ("UPDATE payouts SET state = 'needs_decision' WHERE payout_id = '{sent}'",)),
        ({ASKS}, ("UPDATE payouts SET amount_msat = 49000 WHERE payout_id = '{paid}'",)),
        ({ASKS}, ("UPDATE payouts SET source_account = 'creator:bob' WHERE payout_id = '{paid}'",)),
        ({INVOICE}, ("UPDATE payout_tries SET payment_hash = '{refunded}' WHERE payout_id = '{paid}'",)),
        ({CLOSES}, ("UPDATE invoices SET refunded_at = NULL",)),
        ({CLOSES}, ("UPDATE invoices SET refunded_at = 1",)),
        ({CLOSES}, ("UPDATE invoices SET paid_msat = 1 WHERE payment_hash = '{refunded}'",)),
        ({PAYS}, ("UPDATE refunds SET amount_msat = amount_msat - 1",)),
        (
            {PAYS},
            ("UPDATE transfers SET debit_account = 'creator:bob' WHERE refund_of IS NOT NULL AND code = 'refund'",),
        ),
        (
            {PAYS},
            ("UPDATE transfers SET credit_account = 'creator:bob' WHERE refund_of IS NOT NULL AND code = 'return'",),
        ),
        ({PAYS}, ("UPDATE transfers SET code = 'share' WHERE refund_of = '{refunded}' AND code = 'return'",)),
        ({PAYS}, ("UPDATE refunds SET covered_by_operator = (1 = 1)",)),
        ({HOLDS}, ("UPDATE refunds SET state = 'returned'",)),
        ({HOLDS}, ("UPDATE refunds SET state = 'offered', ended_at = NULL",)),
        ({HOLDS}, ("UPDATE accounts SET balance_msat = 1 WHERE account = 'refund:{refunded}'",)),
    ],
)
def test_what_is_forged_is_found(url: str, found: set[str], statements: tuple[str, ...]) -> None:
    forge(url, *statements)
    assert broken(url) == found
