"""Books of any size: copies of one purchase, as consistent as if each had been sold."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

_PRAGMAS = ("synchronous=OFF", "cache_size=-1000000", "temp_store=MEMORY")
_HASHES = """
    CREATE TEMP TABLE copies AS
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
    SELECT n, lower(hex(randomblob(32))) AS payment_hash FROM numbers ORDER BY 2
"""
_BALANCES = """
    UPDATE accounts SET balance_msat =
        (SELECT COALESCE(SUM(amount_msat), 0) FROM transfers WHERE credit_account = account)
        - (SELECT COALESCE(SUM(amount_msat), 0) FROM transfers WHERE debit_account = account)
"""


def fill(database: Path, count: int) -> None:
    """Copy the one settled purchase of a database that nobody uses so many times."""
    connection = sqlite3.connect(database, isolation_level=None)
    try:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(_HASHES, (count,))
        connection.execute("BEGIN")
        changed = {"payment_hash": "copies.payment_hash", "idempotency_hash": "NULL"}
        _copy(connection, "invoices", changed | {"add_index": "-copies.n", "settle_index": "-copies.n"})
        _copy(connection, "transfers", changed)
        _copy(connection, "events", changed | {"position": "copies.n + 1"})
        connection.execute("UPDATE counters SET value = ? WHERE name = 'event_position'", (count + 1,))
        connection.execute(_BALANCES)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def _copy(connection: sqlite3.Connection, table: str, changed: dict[str, str]) -> None:
    columns: Sequence[str] = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    values = ", ".join(changed.get(column, f"model.{column}") for column in columns)
    model = f"SELECT * FROM {table} WHERE payment_hash = (SELECT payment_hash FROM events)"  # noqa: S608  # our own tables
    rows = f"SELECT {values} FROM ({model}) AS model, copies ORDER BY copies.payment_hash"  # noqa: S608
    connection.execute(f"INSERT INTO {table} {rows}")
