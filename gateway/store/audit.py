"""The books' invariants, each a query that must find nothing; read only, safe beside a running server."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from gateway.store.database import look_into
from gateway.store.migration import must_be_newest


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How many rows break an invariant, and one of them."""

    name: str
    sentence: str
    broken: int
    example: str


_PAID_BUT = "SELECT i.payment_hash FROM invoices i WHERE i.state = 'settled' AND"

INVARIANTS = (
    (
        "I1",
        "Every transfer moves more than nothing between two accounts.",
        "SELECT payment_hash FROM transfers WHERE amount_msat <= 0 OR debit_account = credit_account",
    ),
    (
        "I2",
        "The transfers of a settlement sum to what was received.",
        f"{_PAID_BUT} i.paid_msat <> (SELECT COALESCE(SUM(t.amount_msat), 0) FROM transfers t "
        "WHERE t.payment_hash = i.payment_hash)",
    ),
    (
        "I3",
        "A balance equals the sum of its transfers.",
        "SELECT a.account FROM accounts a WHERE a.balance_msat <> "
        "(SELECT COALESCE(SUM(t.amount_msat), 0) FROM transfers t WHERE t.credit_account = a.account) - "
        "(SELECT COALESCE(SUM(t.amount_msat), 0) FROM transfers t WHERE t.debit_account = a.account)",
    ),
    ("I4", "No creator owes.", "SELECT account FROM accounts WHERE account LIKE 'creator:%' AND balance_msat < 0"),
    (
        "I5",
        "No share of a payment is booked twice.",
        "SELECT payment_hash FROM transfers GROUP BY payment_hash, code, n HAVING COUNT(*) > 1",
    ),
    (
        "I8",
        "Every account that a transfer names has a balance.",
        "SELECT t.credit_account FROM transfers t LEFT JOIN accounts a ON a.account = t.credit_account "
        "WHERE a.account IS NULL",
    ),
    (
        "I9",
        "Every settled invoice has exactly one event.",
        f"{_PAID_BUT} 1 <> (SELECT COUNT(*) FROM events e WHERE e.payment_hash = i.payment_hash)",
    ),
    (
        "I10",
        "Nothing is booked for an invoice that is not settled.",
        "SELECT t.payment_hash FROM transfers t JOIN invoices i ON i.payment_hash = t.payment_hash "
        "WHERE i.state <> 'settled'",
    ),
)


async def audit_database(url: str) -> list[Finding]:
    """Check every invariant in one consistent read. Raises as `look_into` and `must_be_newest` do."""
    return await look_into(url, _audit_newest)


def _audit_newest(connection: Connection) -> list[Finding]:
    must_be_newest(connection)
    return audit(connection)


def audit(connection: Connection) -> list[Finding]:
    """Check every invariant on a connection."""
    return [_check(connection, name, sentence, query) for name, sentence, query in INVARIANTS]


def _check(connection: Connection, name: str, sentence: str, query: str) -> Finding:
    rows = connection.execute(text(query)).all()
    return Finding(name=name, sentence=sentence, broken=len(rows), example=str(rows[0][0]) if rows else "")
