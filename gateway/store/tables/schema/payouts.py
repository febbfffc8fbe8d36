"""The tables of money that leaves.

Every transaction locks rows in this order, so that two of them cannot deadlock: caps by name, the pause, a refund, its
invoice, a payout, its tries, accounts (nodes first, then by name).
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from gateway.store.tables.schema.metadata import metadata

payouts = Table(
    "payouts",
    metadata,
    Column("payout_id", String(32), primary_key=True),
    Column("source_account", String(96), nullable=False),
    Column("amount_msat", BigInteger, nullable=False),
    Column("fee_limit_msat", BigInteger, nullable=False),
    Column("destination", Text, nullable=False),
    Column("asked_by", String(8), nullable=False),
    Column("idempotency_hash", String(64), unique=True),
    Column("state", String(16), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("next_try_at", BigInteger),
    Column("ended_at", BigInteger),
    CheckConstraint("amount_msat > 0 AND fee_limit_msat >= 0", name="amounts"),
    CheckConstraint("state IN ('trying', 'waiting', 'needs_decision', 'succeeded', 'canceled')", name="state"),
    CheckConstraint("(state IN ('succeeded', 'canceled')) = (ended_at IS NOT NULL)", name="ended"),
    # One without an instant would wait for ever.
    CheckConstraint("state <> 'waiting' OR next_try_at IS NOT NULL", name="waits_until"),
)

payout_tries = Table(
    "payout_tries",
    metadata,
    Column("payout_id", String(32), ForeignKey("payouts.payout_id"), nullable=False),
    Column("n", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    # Copied from the payout, so that what was spent since an instant is read from one index.
    Column("source_account", String(96), nullable=False),
    Column("amount_msat", BigInteger, nullable=False),
    Column("fee_limit_msat", BigInteger, nullable=False),
    Column("reserved_at", BigInteger, nullable=False),
    Column("payment_request", Text),
    # One invoice is paid for one try, whatever else is asked for.
    Column("payment_hash", String(64), unique=True),
    Column("expires_at", BigInteger),
    Column("node_id", String(66)),
    Column("sender", String(64)),
    Column("sends", Integer, nullable=False),
    Column("dispatched_at", BigInteger),
    Column("check_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("fee_msat", BigInteger),
    Column("reason", Text, nullable=False),
    Column("resolved_note", Text),
    PrimaryKeyConstraint("payout_id", "n"),
    CheckConstraint("amount_msat > 0 AND fee_limit_msat >= 0 AND (fee_msat IS NULL OR fee_msat >= 0)", name="amounts"),
    CheckConstraint("state IN ('reserved', 'dispatched', 'succeeded', 'failed', 'released')", name="state"),
    CheckConstraint("(state IN ('succeeded', 'failed', 'released')) = (ended_at IS NOT NULL)", name="ended"),
    # What may have been sent is never released, and what was released can never have been sent.
    CheckConstraint(
        "state NOT IN ('reserved', 'released') OR (sends = 0 AND payment_hash IS NULL)", name="nothing_was_sent"
    ),
    # Whoever follows a try finds the one invoice and the one node, and finds the try.
    CheckConstraint(
        "state <> 'dispatched' OR (sends > 0 AND payment_request IS NOT NULL AND payment_hash IS NOT NULL "
        "AND expires_at IS NOT NULL AND node_id IS NOT NULL AND sender IS NOT NULL AND dispatched_at IS NOT NULL "
        "AND check_at IS NOT NULL)",
        name="dispatched_is_pinned",
    ),
    CheckConstraint("state <> 'succeeded' OR fee_msat IS NOT NULL", name="paid_has_a_fee"),
)

# Every reservation updates the rows of the caps that it is counted in.
payout_caps = Table(
    "payout_caps",
    metadata,
    Column("name", String(96), primary_key=True),
    Column("reservations", BigInteger, nullable=False),
)

destinations = Table(
    "destinations",
    metadata,
    Column("creator", String(64), ForeignKey("creators.name"), primary_key=True),
    Column("address", Text, nullable=False),
    Column("next_address", Text),
    Column("next_at", BigInteger),
    Column("changed_at", BigInteger, nullable=False),
    CheckConstraint("(next_address IS NULL) = (next_at IS NULL)", name="change_has_an_instant"),
)

payout_rules = Table(
    "payout_rules",
    metadata,
    Column("creator", String(64), ForeignKey("creators.name"), primary_key=True),
    Column("threshold_msat", BigInteger, nullable=False),
    Column("interval", String(8), nullable=False),
    Column("next_at", BigInteger, nullable=False, index=True),
    CheckConstraint("threshold_msat > 0", name="threshold"),
)

# One row, kept when payouts are resumed, so that there is something to lock. `reason` is NULL unless they are paused.
payout_pauses = Table(
    "payout_pauses",
    metadata,
    Column("name", String(8), primary_key=True),
    Column("reason", Text),
    Column("since", BigInteger),
    CheckConstraint("(reason IS NULL) = (since IS NULL)", name="reason_has_an_instant"),
)

refunds = Table(
    "refunds",
    metadata,
    # A payment is refunded once.
    Column("payment_hash", String(64), ForeignKey("invoices.payment_hash"), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("amount_msat", BigInteger, nullable=False),
    Column("fee_limit_msat", BigInteger, nullable=False),
    Column("covered_by_operator", Boolean, nullable=False),
    Column("k1_hash", String(64), nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("payout_id", String(32), ForeignKey("payouts.payout_id")),
    Column("ended_at", BigInteger),
    CheckConstraint("amount_msat > 0 AND fee_limit_msat >= 0", name="amounts"),
    CheckConstraint("state IN ('offered', 'claiming', 'claimed', 'returned')", name="state"),
    CheckConstraint("(state IN ('claimed', 'returned')) = (ended_at IS NOT NULL)", name="ended"),
    CheckConstraint("state NOT IN ('claiming', 'claimed') OR payout_id IS NOT NULL", name="claim_has_a_payout"),
)
