"""The first schema: creators, items, invoices, the ledger and events."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# The ledger is append-only: the database itself refuses a change, whoever asks.
_IMMUTABLE = {
    "sqlite": (
        "CREATE TRIGGER transfers_no_update BEFORE UPDATE ON transfers "
        "BEGIN SELECT RAISE(ABORT, 'transfers are immutable'); END",
        "CREATE TRIGGER transfers_no_delete BEFORE DELETE ON transfers "
        "BEGIN SELECT RAISE(ABORT, 'transfers are immutable'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION refuse_transfer_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'transfers are immutable' USING ERRCODE = 'integrity_constraint_violation'; END $$",
        "CREATE TRIGGER transfers_immutable BEFORE UPDATE OR DELETE ON transfers "
        "FOR EACH ROW EXECUTE FUNCTION refuse_transfer_change()",
    ),
}


def upgrade() -> None:
    _create_catalog()
    _create_invoices()
    _create_books()
    for statement in _IMMUTABLE[op.get_context().dialect.name]:
        op.execute(statement)


def _create_catalog() -> None:
    op.create_table(
        "creators",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("accent", sa.String(length=7), nullable=False),
        sa.Column("key_id", sa.String(length=32), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=("pk_creators")),
        sa.UniqueConstraint("key_id", name=("uq_creators_key_id")),
    )
    # Whole sats: programs that pay floor to satoshi.
    op.create_table(
        "items",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("creator", sa.String(length=64), nullable=False),
        sa.Column("price_msat", sa.BigInteger(), nullable=False),
        sa.Column("preview_html", sa.Text(), nullable=False),
        sa.Column("shares", sa.Text(), nullable=False),
        sa.Column("access_seconds", sa.BigInteger(), nullable=True),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("byte_size", sa.BigInteger(), nullable=False),
        sa.Column("word_count", sa.Integer(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("memo", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("price_msat >= 1000 AND price_msat % 1000 = 0", name=("ck_items_whole_sats")),
        sa.ForeignKeyConstraint(["creator"], ["creators.name"], name=("fk_items_creator")),
        sa.PrimaryKeyConstraint("id", name=("pk_items")),
    )
    op.create_table(
        "identities",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=96), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", name=("pk_identities")),
    )
    op.create_table(
        "counters",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=("pk_counters")),
    )


def _create_invoices() -> None:
    # What is settled carries the proof of what was received. An add_index is no identity: see the tables.
    op.create_table(
        "invoices",
        sa.Column("payment_hash", sa.String(length=64), nullable=False),
        sa.Column("node_id", sa.String(length=66), nullable=False),
        sa.Column("add_index", sa.BigInteger(), nullable=False),
        sa.Column("payment_request", sa.Text(), nullable=False),
        sa.Column("item_id", sa.String(length=64), nullable=True),
        sa.Column("tip_to", sa.String(length=64), nullable=True),
        sa.Column("amount_msat", sa.BigInteger(), nullable=False),
        sa.Column("shares", sa.Text(), nullable=False),
        sa.Column("access_seconds", sa.BigInteger(), nullable=True),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("idempotency_hash", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("check_at", sa.BigInteger(), nullable=True),
        sa.Column("paid_msat", sa.BigInteger(), nullable=True),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("settle_index", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state <> 'settled' OR (paid_msat > 0 AND settled_at IS NOT NULL)", name=("ck_invoices_settled_is_paid")
        ),
        sa.CheckConstraint("state IN ('open', 'settled', 'canceled')", name=("ck_invoices_state")),
        sa.CheckConstraint("(item_id IS NULL) <> (tip_to IS NULL)", name=("ck_invoices_sells_one_thing")),
        sa.CheckConstraint("amount_msat > 0", name=("ck_invoices_amount")),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name=("fk_invoices_item_id")),
        sa.ForeignKeyConstraint(["tip_to"], ["creators.name"], name=("fk_invoices_tip_to")),
        sa.PrimaryKeyConstraint("payment_hash", name=("pk_invoices")),
        sa.UniqueConstraint("idempotency_hash", name=("uq_invoices_idempotency_hash")),
    )
    # Only invoices whose final state is not known: its size does not grow with those that were sold.
    op.create_index(
        "ix_invoices_unresolved",
        "invoices",
        ["node_id", "add_index"],
        unique=False,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "tip_notes",
        sa.Column("payment_hash", sa.String(length=64), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["payment_hash"], ["invoices.payment_hash"], name=("fk_tip_notes_payment_hash")),
        sa.PrimaryKeyConstraint("payment_hash", name=("pk_tip_notes")),
    )


def _create_books() -> None:
    # One row per share of a payment, once; the direction is in the accounts, never in the sign.
    op.create_table(
        "transfers",
        sa.Column("payment_hash", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("debit_account", sa.String(length=96), nullable=False),
        sa.Column("credit_account", sa.String(length=96), nullable=False),
        sa.Column("amount_msat", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_msat > 0", name=("ck_transfers_direction_is_in_the_accounts")),
        sa.CheckConstraint("debit_account <> credit_account", name=("ck_transfers_two_accounts")),
        sa.ForeignKeyConstraint(["payment_hash"], ["invoices.payment_hash"], name=("fk_transfers_payment_hash")),
        sa.PrimaryKeyConstraint("payment_hash", "code", "n", name=("pk_transfers")),
    )
    # A cached balance per account; a creator can never owe.
    op.create_table(
        "accounts",
        sa.Column("account", sa.String(length=96), nullable=False),
        sa.Column("balance_msat", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "account NOT LIKE 'creator:%' OR balance_msat >= 0", name=("ck_accounts_creators_never_owe")
        ),
        sa.PrimaryKeyConstraint("account", name=("pk_accounts")),
    )
    # One event per settlement, however often it is reported.
    op.create_table(
        "events",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("payment_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["payment_hash"], ["invoices.payment_hash"], name=("fk_events_payment_hash")),
        sa.PrimaryKeyConstraint("position", name=("pk_events")),
        sa.UniqueConstraint("payment_hash", name=("uq_events_payment_hash")),
    )
