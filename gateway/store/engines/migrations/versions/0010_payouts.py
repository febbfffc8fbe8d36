"""Payouts and refunds: transfers belong to a payment, a payout or a refund, and no account for them is overdrawn."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_ONE_OWNER = (
    "(payment_hash IS NOT NULL AND payout_id IS NULL AND refund_of IS NULL) "
    "OR (payment_hash IS NULL AND payout_id IS NOT NULL AND refund_of IS NULL) "
    "OR (payment_hash IS NULL AND payout_id IS NULL AND refund_of IS NOT NULL)"
)
_NEVER_BELOW_ZERO = (
    "balance_msat >= 0 OR (account NOT LIKE 'creator:%' AND account NOT LIKE 'payout:%' "
    "AND account NOT LIKE 'refund:%')"
)
# SQLite cannot drop a constraint, so the tables are written anew. Indexes come last: a million rows are sorted once.
_REBUILD = (
    "CREATE TABLE new_transfers ("
    "payment_hash VARCHAR(64), code VARCHAR(16) NOT NULL, n INTEGER NOT NULL, "
    "debit_account VARCHAR(96) NOT NULL, credit_account VARCHAR(96) NOT NULL, "
    "amount_msat BIGINT NOT NULL, created_at BIGINT NOT NULL, payout_id VARCHAR(32), refund_of VARCHAR(64), "
    f"CONSTRAINT ck_transfers_one_owner CHECK ({_ONE_OWNER}), "
    "CONSTRAINT ck_transfers_direction_is_in_the_accounts CHECK (amount_msat > 0), "
    "CONSTRAINT ck_transfers_two_accounts CHECK (debit_account <> credit_account), "
    "CONSTRAINT fk_transfers_payment_hash FOREIGN KEY(payment_hash) REFERENCES invoices (payment_hash), "
    "CONSTRAINT fk_transfers_payout_id FOREIGN KEY(payout_id) REFERENCES payouts (payout_id), "
    "CONSTRAINT fk_transfers_refund_of FOREIGN KEY(refund_of) REFERENCES refunds (payment_hash))",
    "INSERT INTO new_transfers SELECT payment_hash, code, n, debit_account, credit_account, amount_msat, created_at, "
    "NULL, NULL FROM transfers",
    "DROP TABLE transfers",
    "ALTER TABLE new_transfers RENAME TO transfers",
    "CREATE TRIGGER transfers_no_update BEFORE UPDATE ON transfers "
    "BEGIN SELECT RAISE(ABORT, 'transfers are immutable'); END",
    "CREATE TRIGGER transfers_no_delete BEFORE DELETE ON transfers "
    "BEGIN SELECT RAISE(ABORT, 'transfers are immutable'); END",
    "CREATE TABLE new_accounts (account VARCHAR(96) NOT NULL, balance_msat BIGINT NOT NULL, "
    f"CONSTRAINT ck_accounts_never_below_zero CHECK ({_NEVER_BELOW_ZERO}), "
    "CONSTRAINT pk_accounts PRIMARY KEY (account))",
    "INSERT INTO new_accounts SELECT account, balance_msat FROM accounts",
    "DROP TABLE accounts",
    "ALTER TABLE new_accounts RENAME TO accounts",
)
# The trigger stays: it is for rows. The planner takes no samples of what is purged, as they outlive the rows.
_ALTER = (
    "ALTER TABLE payouts ALTER COLUMN destination SET STATISTICS 0",
    "ALTER TABLE payout_tries ALTER COLUMN payment_request SET STATISTICS 0",
    "ALTER TABLE transfers ADD COLUMN payout_id VARCHAR(32), ADD COLUMN refund_of VARCHAR(64), "
    "DROP CONSTRAINT pk_transfers, ALTER COLUMN payment_hash DROP NOT NULL, "
    "ADD CONSTRAINT fk_transfers_payout_id FOREIGN KEY (payout_id) REFERENCES payouts (payout_id), "
    "ADD CONSTRAINT fk_transfers_refund_of FOREIGN KEY (refund_of) REFERENCES refunds (payment_hash), "
    f"ADD CONSTRAINT ck_transfers_one_owner CHECK ({_ONE_OWNER})",
    *(
        f"ALTER TABLE transfers RENAME CONSTRAINT ck_transfers_ck_transfers_{name} TO ck_transfers_{name}"
        for name in ("direction_is_in_the_accounts", "two_accounts")
    ),
    "ALTER TABLE accounts DROP CONSTRAINT ck_accounts_ck_accounts_creators_never_owe, "
    f"ADD CONSTRAINT ck_accounts_never_below_zero CHECK ({_NEVER_BELOW_ZERO})",
)
_INDEXES = (
    "CREATE UNIQUE INDEX uq_transfers_payment_hash ON transfers (payment_hash, code, n)",
    "CREATE UNIQUE INDEX uq_transfers_payout_id ON transfers (payout_id, code, n) WHERE payout_id IS NOT NULL",
    "CREATE UNIQUE INDEX uq_transfers_refund_of ON transfers (refund_of, code, n) WHERE refund_of IS NOT NULL",
    # Of one payout, one try is open or has succeeded: after a success there can be no other.
    "CREATE UNIQUE INDEX uq_payout_tries_live ON payout_tries (payout_id) "
    "WHERE state IN ('reserved', 'dispatched', 'succeeded')",
    # Of one refund, one claim is under way or paid.
    "CREATE UNIQUE INDEX uq_payouts_claim ON payouts (source_account) "
    "WHERE source_account LIKE 'refund:%' AND state <> 'canceled'",
    # Only what awaits something: flat, however many payouts were ever made.
    "CREATE INDEX ix_payouts_due ON payouts (next_try_at) WHERE state = 'waiting'",
    "CREATE INDEX ix_payouts_open ON payouts (source_account, ended_at, created_at, payout_id) WHERE ended_at IS NULL",
    "CREATE INDEX ix_payout_tries_reserved ON payout_tries (reserved_at) WHERE state = 'reserved'",
    "CREATE INDEX ix_payout_tries_to_check ON payout_tries (check_at) WHERE state = 'dispatched'",
    "CREATE INDEX ix_refunds_offered ON refunds (expires_at) WHERE state = 'offered'",
    "CREATE INDEX ix_payouts_to_clear ON payouts (ended_at) WHERE asked_by = 'payer' AND destination <> ''",
    # What was spent since an instant, from the index alone.
    "CREATE INDEX ix_payout_tries_spent ON payout_tries (dispatched_at, state, amount_msat)",
    "CREATE INDEX ix_payout_tries_spent_of ON payout_tries (source_account, state, dispatched_at, amount_msat)",
    "CREATE INDEX ix_payouts_created ON payouts (created_at, payout_id)",
    "CREATE INDEX ix_payouts_created_of ON payouts (source_account, created_at, payout_id)",
    "CREATE INDEX ix_refunds_created ON refunds (created_at, payment_hash)",
    "CREATE INDEX ix_payout_rules_next_at ON payout_rules (next_at)",
)


def upgrade() -> None:
    # What is refunded was paid.
    op.execute(
        "ALTER TABLE invoices ADD COLUMN refunded_at BIGINT "
        "CONSTRAINT ck_invoices_refunded_was_paid CHECK (refunded_at IS NULL OR state = 'settled')"
    )
    _create_payouts()
    _create_tries()
    _create_guards()
    _create_creators_choices()
    _create_refunds()
    for statement in _REBUILD if op.get_context().dialect.name == "sqlite" else _ALTER:
        op.execute(statement)
    for statement in _INDEXES:
        op.execute(statement)


def _create_payouts() -> None:
    op.create_table(
        "payouts",
        sa.Column("payout_id", sa.String(length=32), nullable=False),
        sa.Column("source_account", sa.String(length=96), nullable=False),
        sa.Column("amount_msat", sa.BigInteger(), nullable=False),
        sa.Column("fee_limit_msat", sa.BigInteger(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.String(length=8), nullable=False),
        sa.Column("idempotency_hash", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("next_try_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("amount_msat > 0 AND fee_limit_msat >= 0", name="amounts"),
        sa.CheckConstraint("state IN ('trying', 'waiting', 'needs_decision', 'succeeded', 'canceled')", name="state"),
        sa.CheckConstraint("(state IN ('succeeded', 'canceled')) = (ended_at IS NOT NULL)", name="ended"),
        # One without an instant would wait for ever.
        sa.CheckConstraint("state <> 'waiting' OR next_try_at IS NOT NULL", name="waits_until"),
        sa.PrimaryKeyConstraint("payout_id", name="pk_payouts"),
        sa.UniqueConstraint("idempotency_hash", name="uq_payouts_idempotency_hash"),
    )


def _create_tries() -> None:
    op.create_table(
        "payout_tries",
        sa.Column("payout_id", sa.String(length=32), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("source_account", sa.String(length=96), nullable=False),
        sa.Column("amount_msat", sa.BigInteger(), nullable=False),
        sa.Column("fee_limit_msat", sa.BigInteger(), nullable=False),
        sa.Column("reserved_at", sa.BigInteger(), nullable=False),
        sa.Column("payment_request", sa.Text(), nullable=True),
        sa.Column("payment_hash", sa.String(length=64), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("node_id", sa.String(length=66), nullable=True),
        sa.Column("sender", sa.String(length=64), nullable=True),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("dispatched_at", sa.BigInteger(), nullable=True),
        sa.Column("check_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("fee_msat", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("resolved_note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "amount_msat > 0 AND fee_limit_msat >= 0 AND (fee_msat IS NULL OR fee_msat >= 0)",
            name="amounts",
        ),
        sa.CheckConstraint("state IN ('reserved', 'dispatched', 'succeeded', 'failed', 'released')", name="state"),
        sa.CheckConstraint("(state IN ('succeeded', 'failed', 'released')) = (ended_at IS NOT NULL)", name="ended"),
        # What may have been sent is never released, and what was released can never have been sent.
        sa.CheckConstraint(
            "state NOT IN ('reserved', 'released') OR (sends = 0 AND payment_hash IS NULL)",
            name="nothing_was_sent",
        ),
        # Whoever follows a try finds the one invoice and the one node, and finds the try.
        sa.CheckConstraint(
            "state <> 'dispatched' OR (sends > 0 AND payment_request IS NOT NULL AND payment_hash IS NOT NULL "
            "AND expires_at IS NOT NULL AND node_id IS NOT NULL AND sender IS NOT NULL AND dispatched_at IS NOT NULL "
            "AND check_at IS NOT NULL)",
            name="dispatched_is_pinned",
        ),
        sa.CheckConstraint("state <> 'succeeded' OR fee_msat IS NOT NULL", name="paid_has_a_fee"),
        sa.ForeignKeyConstraint(["payout_id"], ["payouts.payout_id"], name="fk_payout_tries_payout_id"),
        sa.PrimaryKeyConstraint("payout_id", "n", name="pk_payout_tries"),
        # One invoice is paid for one try.
        sa.UniqueConstraint("payment_hash", name="uq_payout_tries_payment_hash"),
    )


def _create_guards() -> None:
    # Every reservation updates the rows of the caps that it is counted in.
    op.create_table(
        "payout_caps",
        sa.Column("name", sa.String(length=96), nullable=False),
        sa.Column("reservations", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_payout_caps"),
    )
    # One row, so that there is something to lock; without a reason payouts are not paused.
    op.create_table(
        "payout_pauses",
        sa.Column("name", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("since", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(reason IS NULL) = (since IS NULL)", name="reason_has_an_instant"),
        sa.PrimaryKeyConstraint("name", name="pk_payout_pauses"),
    )


def _create_creators_choices() -> None:
    op.create_table(
        "destinations",
        sa.Column("creator", sa.String(length=64), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("next_address", sa.Text(), nullable=True),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("(next_address IS NULL) = (next_at IS NULL)", name="change_has_an_instant"),
        sa.ForeignKeyConstraint(["creator"], ["creators.name"], name="fk_destinations_creator"),
        sa.PrimaryKeyConstraint("creator", name="pk_destinations"),
    )
    op.create_table(
        "payout_rules",
        sa.Column("creator", sa.String(length=64), nullable=False),
        sa.Column("threshold_msat", sa.BigInteger(), nullable=False),
        sa.Column("interval", sa.String(length=8), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("threshold_msat > 0", name="threshold"),
        sa.ForeignKeyConstraint(["creator"], ["creators.name"], name="fk_payout_rules_creator"),
        sa.PrimaryKeyConstraint("creator", name="pk_payout_rules"),
    )


def _create_refunds() -> None:
    # A payment is refunded once, and claimed with one secret.
    op.create_table(
        "refunds",
        sa.Column("payment_hash", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("amount_msat", sa.BigInteger(), nullable=False),
        sa.Column("fee_limit_msat", sa.BigInteger(), nullable=False),
        sa.Column("covered_by_operator", sa.Boolean(), nullable=False),
        sa.Column("k1_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("payout_id", sa.String(length=32), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("amount_msat > 0 AND fee_limit_msat >= 0", name="amounts"),
        sa.CheckConstraint("state IN ('offered', 'claiming', 'claimed', 'returned')", name="state"),
        sa.CheckConstraint("(state IN ('claimed', 'returned')) = (ended_at IS NOT NULL)", name="ended"),
        sa.CheckConstraint("state NOT IN ('claiming', 'claimed') OR payout_id IS NOT NULL", name="claim_has_a_payout"),
        sa.ForeignKeyConstraint(["payment_hash"], ["invoices.payment_hash"], name="fk_refunds_payment_hash"),
        sa.ForeignKeyConstraint(["payout_id"], ["payouts.payout_id"], name="fk_refunds_payout_id"),
        sa.PrimaryKeyConstraint("payment_hash", name="pk_refunds"),
        sa.UniqueConstraint("k1_hash", name="uq_refunds_k1_hash"),
    )
