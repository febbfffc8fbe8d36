"""The audit: invariants of the books, each a query that must find no row. Read only, safe beside a running server."""

from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Connection, String, cast, func, literal_column, select, text

from gateway.books.ledger import FIRST_NODE_ACCOUNT, credits_of, node_account
from gateway.rows import Origin
from gateway.store.engines.database import read_database
from gateway.store.engines.migration import require_newest_schema
from gateway.store.engines.payout_invariants import PAYOUT_INVARIANTS
from gateway.store.tables.items import shares_from_text
from gateway.store.tables.schema import invoices, transfers

ROWS_AT_ONCE = 1_000
# Tolerated error of clocks: a settlement that is dated later is not one of a node.
MOST_AHEAD_SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class InvariantResult:
    """The result of one invariant: how many rows break it, and one of them."""

    name: str
    sentence: str
    broken: int
    example: str


_OWNER = "COALESCE(payment_hash, payout_id, refund_of)"
_PAID_BUT = "SELECT i.payment_hash FROM invoices i WHERE i.state = 'settled' AND"
_OF_THE_UNPAID = "LEFT JOIN invoices i ON i.payment_hash = x.payment_hash WHERE COALESCE(i.state, '') <> 'settled'"

INVARIANTS = (
    (
        "I1",
        "Every transfer moves more than nothing between two accounts.",
        f"SELECT {_OWNER} FROM transfers WHERE amount_msat <= 0 OR debit_account = credit_account",
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
        "SELECT account FROM (SELECT account, balance_msat AS msat FROM accounts UNION ALL "
        "SELECT credit_account, -SUM(amount_msat) FROM transfers GROUP BY credit_account UNION ALL "
        "SELECT debit_account, SUM(amount_msat) FROM transfers GROUP BY debit_account) x "
        "GROUP BY account HAVING SUM(msat) <> 0",
    ),
    (
        "I4",
        "No creator, payout or refund owes.",
        "SELECT account FROM accounts WHERE balance_msat < 0 AND (account LIKE 'creator:%' "
        "OR account LIKE 'payout:%' OR account LIKE 'refund:%')",
    ),
    (
        "I5",
        "No transfer of a payment, a payout or a refund is booked twice.",
        # One query for each owner, because each has an index in this order.
        " UNION ALL ".join(
            f"SELECT {owner} FROM transfers WHERE {owner} IS NOT NULL GROUP BY {owner}, code, n HAVING COUNT(*) > 1"
            for owner in ("payment_hash", "payout_id", "refund_of")
        ),
    ),
    (
        "I9",
        "Every settled invoice has exactly one event.",
        f"{_PAID_BUT} 1 <> (SELECT COUNT(*) FROM events e WHERE e.payment_hash = i.payment_hash)",
    ),
    ("I9", "Every event tells a settled invoice.", f"SELECT x.payment_hash FROM events x {_OF_THE_UNPAID}"),
    (
        "I10",
        "Nothing is booked for an invoice that is not settled.",
        f"SELECT x.payment_hash FROM transfers x {_OF_THE_UNPAID} AND x.payment_hash IS NOT NULL",
    ),
    (
        "I10",
        "Nothing opens that is not settled, by its row or by a recovery code.",
        "SELECT payment_hash FROM invoices WHERE state <> 'settled' AND settled_at IS NOT NULL "
        f"UNION ALL SELECT x.payment_hash FROM recoveries x {_OF_THE_UNPAID}",
    ),
)
_UNGUARDED = {
    "sqlite": (
        "SELECT 'transfers' WHERE 2 <> (SELECT COUNT(*) FROM sqlite_master WHERE type = 'trigger' AND sql IN ("
        "'CREATE TRIGGER transfers_no_update BEFORE UPDATE ON transfers "
        "BEGIN SELECT RAISE(ABORT, ''transfers are immutable''); END', "
        "'CREATE TRIGGER transfers_no_delete BEFORE DELETE ON transfers "
        "BEGIN SELECT RAISE(ABORT, ''transfers are immutable''); END'))"
    ),
    # 27: before each row that is updated or deleted.
    "postgresql": (
        "SELECT 'transfers' WHERE NOT EXISTS (SELECT 1 FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid "
        "WHERE t.tgrelid = CAST('transfers' AS regclass) AND t.tgtype = 27 AND t.tgenabled IN ('O', 'A') "
        "AND t.tgqual IS NULL AND CAST(t.tgattr AS text) = '' AND btrim(p.prosrc) = 'BEGIN RAISE EXCEPTION "
        "''transfers are immutable'' USING ERRCODE = ''integrity_constraint_violation''; END')"
    ),
}
_BOOKED = (
    select(
        func.aggregate_strings(
            transfers.c.code
            + " "
            + cast(transfers.c.n, String)
            + " "
            + transfers.c.debit_account
            + " "
            + transfers.c.credit_account
            + " "
            + cast(transfers.c.amount_msat, String),
            "\n",
        )
    )
    .where(transfers.c.payment_hash == invoices.c.payment_hash)
    .scalar_subquery()
)
_SETTLED = select(
    invoices.c.payment_hash,
    invoices.c.shares,
    invoices.c.paid_msat,
    invoices.c.origin,
    invoices.c.tip_to.is_not(None),
    invoices.c.node_id,
    _BOOKED,
).where(invoices.c.state == literal_column("'settled'"))


async def audit_database(url: str, *, now: int) -> list[InvariantResult]:
    """Check every invariant in one consistent read.

    `now` is in seconds since 1970. Raises as `read_database` and `require_newest_schema` do.
    """
    return await read_database(url, lambda connection: _audit_newest(connection, now))


def _audit_newest(connection: Connection, now: int) -> list[InvariantResult]:
    require_newest_schema(connection)
    return audit(connection, now=now)


def audit(connection: Connection, *, now: int | None = None) -> list[InvariantResult]:
    """Check every invariant on a connection; without `now`, dates are not compared with a clock."""
    unguarded = ("I12", "No transfer can be changed or deleted.", _UNGUARDED[connection.dialect.name])
    checks = (*INVARIANTS, *PAYOUT_INVARIANTS, unguarded)
    found = [_check(connection, name, sentence, query) for name, sentence, query in checks]
    if now is not None:
        ahead = f"SELECT payment_hash FROM invoices WHERE settled_at > {now + MOST_AHEAD_SECONDS}"
        found.append(_check(connection, "I10", "Nothing is settled in the future.", ahead))
    return [*found, _check_shares(connection)]


def _check(connection: Connection, name: str, sentence: str, query: str) -> InvariantResult:
    counted = text(f"WITH found(example) AS ({query}) SELECT COUNT(*), MIN(example) FROM found")
    broken, example = connection.execute(counted).one()
    return InvariantResult(name=name, sentence=sentence, broken=broken, example=example or "")


def _check_shares(connection: Connection) -> InvariantResult:
    """Compare each settlement with what the domain would book, streaming because a large table exceeds memory."""
    broken, example = 0, ""
    rows = connection.execution_options(yield_per=ROWS_AT_ONCE).execute(_SETTLED)
    for payment_hash, shares, paid_msat, origin, is_tip, node_id, booked in rows:
        is_old = booked is not None and f" {FIRST_NODE_ACCOUNT} " in booked
        node = FIRST_NODE_ACCOUNT if is_old else node_account(node_id)
        due = _due(shares, paid_msat, origin, bool(is_tip), node)
        if booked != due and not _agree(booked, due):
            broken, example = broken + 1, payment_hash
    sentence = "Each settlement is credited to the shares that its invoice pinned."
    return InvariantResult(name="I8", sentence=sentence, broken=broken, example=example)


def _agree(booked: str | None, due: str | None) -> bool:
    """Compare in any order: the lines usually come in the order of their key, but no database guarantees it."""
    return booked is not None and due is not None and sorted(booked.split("\n")) == sorted(due.split("\n"))


@lru_cache(maxsize=4_096)
def _due(shares: str, paid_msat: int, origin: str, is_tip: bool, node: str) -> str | None:  # noqa: FBT001  # a column
    """The transfers that should be booked, in the form of `_BOOKED`; None for a row that no version writes."""
    try:
        pinned, sold_by = shares_from_text(shares), Origin(origin)
        if paid_msat <= 0 or (sold_by is not Origin.SUSPENSE and sum(share.weight for share in pinned) <= 0):
            return None
        credited = credits_of(paid_msat, pinned, origin=sold_by, is_tip=is_tip)
    except (ValueError, TypeError):
        return None
    return "\n".join(f"{code} {n} {node} {account} {part}" for code, n, account, part in credited)
