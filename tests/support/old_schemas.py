"""Databases of every schema that there was, with rows in every table."""

from hashlib import sha256

from alembic import command
from alembic.config import Config as Alembic
from sqlalchemy import Connection

from gateway.rows import Invoice
from gateway.store.engines import migration
from tests.support.rows import EXPIRY_SECONDS, START, an_invoice, hash_of

PAID_PART = b"<p>The paid part.</p>"
DIGEST = sha256(PAID_PART).hexdigest()
PAID, WAITING, GIVEN_UP, TIP, LOST, REFUNDED = (an_invoice(number) for number in range(1, 7))
FAR = START + 365 * 86_400
REVISIONS = [f"{number:04}" for number in range(1, int(migration.HEAD))]
_INVOICE = (
    "INSERT INTO invoices (payment_hash, node_id, add_index, payment_request, item_id, tip_to, amount_msat, shares, "
    "origin, state, created_at, expires_at, check_at, paid_msat, settled_at, settle_index) "
    "VALUES ('{hash}', 'lnd', {n}, 'r', {sold}, '{origin}', '{state}', "
    f"{START}, {START + EXPIRY_SECONDS}, {{rest}})"
)
_WELCOME = """'welcome', NULL, 100000, '[["alice", 70], ["bob", 30]]'"""
_ITEM = (
    "INSERT INTO items (id, kind, title, creator, price_msat, preview_html, shares, access_seconds, media_type, "
    "byte_size, word_count, file_name, digest, memo, state, created_at, updated_at{more}) VALUES ('{id}', 'text', 'W', "
    f"""'alice', 100000, '', '[["alice", 70], ["bob", 30]]', NULL, 'text/html', {len(PAID_PART)}, 1, NULL, """
    f"'{DIGEST}', NULL, 'active', 1, 1{{values}})"
)


def _invoice(invoice: Invoice, state: str, rest: str, *, sold: str = _WELCOME, origin: str = "checkout") -> str:
    return _INVOICE.format(
        hash=invoice.payment_hash, n=invoice.add_index, state=state, rest=rest, sold=sold, origin=origin
    )


_OF_PAYMENT = "(payment_hash, code, n, debit_account, credit_account, amount_msat, created_at)"
_OPEN = f"{START + EXPIRY_SECONDS + 5}, NULL, NULL, NULL"
ROWS_SINCE = {
    "0001": (
        "INSERT INTO creators VALUES ('alice', 'Alice', '#b4632d', 'alice', 'x', 1), "
        "('bob', 'Bob', '#b4632d', 'bob', 'x', 1)",
        _ITEM.format(id="welcome", more="", values=""),
        _invoice(PAID, "settled", f"NULL, 100000, {START + 60}, 1"),
        _invoice(WAITING, "open", _OPEN),
        _invoice(GIVEN_UP, "canceled", "NULL, NULL, NULL, NULL"),
        _invoice(TIP, "open", _OPEN, sold="""NULL, 'bob', 1000, '[["bob", 1]]'"""),
        f"INSERT INTO tip_notes VALUES ('{TIP.payment_hash}', 'Thanks', 'Carol')",
        f"INSERT INTO transfers {_OF_PAYMENT} VALUES "
        f"('{hash_of(1)}', 'share', 0, 'node:lightning', 'creator:alice', 70000, 2), "
        f"('{hash_of(1)}', 'share', 1, 'node:lightning', 'creator:bob', 30000, 2)",
        "INSERT INTO accounts VALUES ('creator:alice', 70000), ('creator:bob', 30000), ('node:lightning', -100000)",
        f"INSERT INTO events VALUES (1, '{hash_of(1)}', {START + 60})",
        "INSERT INTO counters VALUES ('event_position', 1), ('catalog_version', 1)",
        "INSERT INTO identities VALUES ('node', 'west', 'p')",
    ),
    "0002": (f"INSERT INTO recoveries VALUES ('c', '{PAID.payment_hash}', 1)",),
    "0003": ("INSERT INTO leases VALUES ('west', 'somebody', 1)",),
    "0004": (
        _invoice(LOST, "settled", f"NULL, 5000, {START + 61}, 2", sold="NULL, NULL, 5000, '[]'", origin="suspense"),
        f"INSERT INTO transfers {_OF_PAYMENT} VALUES "
        f"('{LOST.payment_hash}', 'suspense', 0, 'node:lightning', 'suspense', 5000, 3)",
        "INSERT INTO accounts VALUES ('suspense', 5000)",
        "UPDATE accounts SET balance_msat = -105000 WHERE account = 'node:lightning'",
        f"INSERT INTO events VALUES (2, '{LOST.payment_hash}', {START + 61})",
        "UPDATE counters SET value = 2 WHERE name = 'event_position'",
    ),
    "0005": ("INSERT INTO drained_nodes VALUES ('west', 1)",),
    "0006": (
        _ITEM.format(
            id="sealed",
            more=", allowed_origins, page_url",
            values=""", '["https://a.example"]', 'https://a.example/p'""",
        ),
    ),
    "0009": ("INSERT INTO used_codes VALUES ('u', 1)",),
    "0010": (
        _invoice(REFUNDED, "settled", f"NULL, 100000, {START + 62}, 3"),
        f"UPDATE invoices SET refunded_at = {START + 63} WHERE payment_hash = '{REFUNDED.payment_hash}'",
        f"INSERT INTO events VALUES (3, '{REFUNDED.payment_hash}', {START + 62})",
        "UPDATE counters SET value = 3 WHERE name = 'event_position'",
        f"INSERT INTO refunds VALUES ('{REFUNDED.payment_hash}', 'offered', 100000, 1000, TRUE, 'k', {START + 63}, "
        f"{FAR}, NULL, NULL)",
        f"INSERT INTO transfers {_OF_PAYMENT} VALUES "
        f"('{REFUNDED.payment_hash}', 'share', 0, 'node:lnd', 'creator:alice', 70000, 2), "
        f"('{REFUNDED.payment_hash}', 'share', 1, 'node:lnd', 'creator:bob', 30000, 2)",
        "INSERT INTO transfers (refund_of, code, n, debit_account, credit_account, amount_msat, created_at) VALUES "
        f"('{REFUNDED.payment_hash}', 'refund', 0, 'operator', 'refund:{REFUNDED.payment_hash}', 101000, 3)",
        "UPDATE accounts SET balance_msat = 2 * balance_msat WHERE account LIKE 'creator:%'",
        f"INSERT INTO accounts VALUES ('node:lnd', -100000), ('operator', -101000), "
        f"('refund:{REFUNDED.payment_hash}', 101000)",
        "INSERT INTO payouts VALUES "
        f"('p', 'creator:alice', 50000, 1000, 'a@pay.example', 'rule', NULL, 'waiting', 1, {FAR}, NULL)",
        "INSERT INTO payout_tries (payout_id, n, state, source_account, amount_msat, fee_limit_msat, reserved_at, "
        "sends, ended_at, reason) VALUES ('p', 0, 'released', 'creator:alice', 50000, 1000, 1, 0, 2, 'no_route')",
        "INSERT INTO payout_caps VALUES ('all', 1)",
        "INSERT INTO payout_pauses VALUES ('all', NULL, NULL)",
        "INSERT INTO destinations VALUES ('alice', 'a@pay.example', NULL, NULL, 1)",
        f"INSERT INTO payout_rules VALUES ('alice', 50000, 'daily', {FAR})",
    ),
}
"""What a database of each schema can hold, since when."""


def build_schema(connection: Connection, revision: str) -> None:
    """Migrate so far and no further, and sell something."""
    config = Alembic()
    config.set_main_option("script_location", str(migration._scripts()))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
    for row in (row for since, rows in ROWS_SINCE.items() if since <= revision for row in rows):
        # As it stands: what JSON has is no parameter.
        connection.exec_driver_sql(row)
