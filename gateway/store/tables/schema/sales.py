"""The tables of what is sold and paid for, and of the books."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from gateway.store.tables.schema.metadata import metadata
from gateway.store.tables.schema.payouts import payouts, refunds

creators = Table(
    "creators",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("title", Text, nullable=False),
    Column("accent", String(7), nullable=False),
    Column("key_id", String(32), nullable=False, unique=True),
    Column("key_hash", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

items = Table(
    "items",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("title", Text, nullable=False),
    Column("creator", String(64), ForeignKey("creators.name"), nullable=False),
    Column("price_msat", BigInteger, nullable=False),
    Column("preview_html", Text, nullable=False),
    Column("shares", Text, nullable=False),
    Column("access_seconds", BigInteger),
    Column("media_type", Text, nullable=False),
    Column("byte_size", BigInteger, nullable=False),
    Column("word_count", Integer, nullable=False),
    Column("file_name", Text),
    Column("digest", String(64), nullable=False),
    Column("memo", Text),
    Column("state", String(8), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("allowed_origins", Text, nullable=False, server_default="[]"),
    Column("page_url", Text),
    Column("preview_source", String(16), nullable=False, server_default="given"),
    # Programs that pay round down to whole satoshi, so a fraction would be given away.
    CheckConstraint("price_msat >= 1000 AND price_msat % 1000 = 0", name="whole_sats"),
)

invoices = Table(
    "invoices",
    metadata,
    Column("payment_hash", String(64), primary_key=True),
    Column("node_id", String(66), nullable=False),
    # Not unique: a node that was restored from its seed counts from the start again.
    Column("add_index", BigInteger, nullable=False),
    Column("payment_request", Text, nullable=False),
    Column("item_id", String(64), ForeignKey("items.id")),
    Column("tip_to", String(64), ForeignKey("creators.name")),
    Column("amount_msat", BigInteger, nullable=False),
    Column("shares", Text, nullable=False),
    Column("access_seconds", BigInteger),
    Column("origin", String(16), nullable=False),
    Column("idempotency_hash", String(64), unique=True),
    Column("state", String(8), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    # When the sweep looks the invoice up next; NULL once it is final.
    Column("check_at", BigInteger),
    Column("paid_msat", BigInteger),
    Column("settled_at", BigInteger),
    Column("settle_index", BigInteger),
    # When LND reported it canceled; the row is deleted a day later.
    Column("canceled_at", BigInteger),
    # When its payer was given it back; access is closed from then on, and the invoice stays settled.
    Column("refunded_at", BigInteger),
    # Only a payment whose row was lost with a database is booked without what it bought.
    CheckConstraint(
        "(item_id IS NULL) <> (tip_to IS NULL) OR (origin = 'suspense' AND item_id IS NULL AND tip_to IS NULL)",
        name="sells_one_thing",
    ),
    CheckConstraint("amount_msat > 0", name="amount"),
    CheckConstraint("state IN ('open', 'settled', 'canceled')", name="state"),
    # An invoice that opens content records what was received.
    CheckConstraint(
        "state <> 'settled' OR (paid_msat IS NOT NULL AND paid_msat > 0 AND settled_at IS NOT NULL)",
        name="settled_is_paid",
    ),
    CheckConstraint("refunded_at IS NULL OR state = 'settled'", name="refunded_was_paid"),
)

transfers = Table(
    "transfers",
    metadata,
    # A transfer belongs to a payment, a payout or a refund.
    Column("payment_hash", String(64), ForeignKey("invoices.payment_hash")),
    Column("code", String(16), nullable=False),
    Column("n", Integer, nullable=False),
    Column("debit_account", String(96), nullable=False),
    Column("credit_account", String(96), nullable=False),
    Column("amount_msat", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("payout_id", String(32), ForeignKey(payouts.c.payout_id)),
    Column("refund_of", String(64), ForeignKey(refunds.c.payment_hash)),
    # The same share of the same payment is booked at most once; `indexes` has the same for the other owners.
    Index("uq_transfers_payment_hash", "payment_hash", "code", "n", unique=True),
    CheckConstraint(
        "(payment_hash IS NOT NULL AND payout_id IS NULL AND refund_of IS NULL) "
        "OR (payment_hash IS NULL AND payout_id IS NOT NULL AND refund_of IS NULL) "
        "OR (payment_hash IS NULL AND payout_id IS NULL AND refund_of IS NOT NULL)",
        name="one_owner",
    ),
    CheckConstraint("amount_msat > 0", name="direction_is_in_the_accounts"),
    CheckConstraint("debit_account <> credit_account", name="two_accounts"),
)

accounts = Table(
    "accounts",
    metadata,
    Column("account", String(96), primary_key=True),
    Column("balance_msat", BigInteger, nullable=False),
    # What is spent must be there: of a creator, and of what was set aside for a payout or a refund.
    CheckConstraint(
        "balance_msat >= 0 OR (account NOT LIKE 'creator:%' AND account NOT LIKE 'payout:%' "
        "AND account NOT LIKE 'refund:%')",
        name="never_below_zero",
    ),
)

events = Table(
    "events",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    # One event per settlement, however often it is reported.
    Column("payment_hash", String(64), ForeignKey("invoices.payment_hash"), nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
)

tip_notes = Table(
    "tip_notes",
    metadata,
    Column("payment_hash", String(64), ForeignKey("invoices.payment_hash"), primary_key=True),
    Column("message", Text, nullable=False),
    Column("name", Text, nullable=False),
)

recoveries = Table(
    "recoveries",
    metadata,
    # A code's keyed hash identifies it: one code opens one payment.
    Column("code_hash", String(64), primary_key=True),
    Column("payment_hash", String(64), ForeignKey("invoices.payment_hash"), nullable=False, index=True),
    Column("created_at", BigInteger, nullable=False),
)

# A code that hands a purchase over to another page opens once. A used one has a row until it has long expired.
used_codes = Table(
    "used_codes",
    metadata,
    Column("code_hash", String(64), primary_key=True),
    Column("expires_at", BigInteger, nullable=False),
)

identities = Table(
    "identities",
    metadata,
    Column("kind", String(16), nullable=False),
    Column("name", String(96), nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("kind", "name"),
)

counters = Table(
    "counters",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

# Which replica follows and sweeps a node. Its rows need no backup.
leases = Table(
    "leases",
    metadata,
    Column("name", String(66), primary_key=True),
    Column("holder", String(32), nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False),
)

# A node issues invoices unless it has a row here.
drained_nodes = Table(
    "drained_nodes",
    metadata,
    Column("node_id", String(66), primary_key=True),
    Column("drained_at", BigInteger, nullable=False),
)

# What a bitcoin cost, by the hour: no receipt keeps the currency of its reader.
past_rates = Table(
    "past_rates",
    metadata,
    # An hour has one row, whichever replica writes it.
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("per_bitcoin", Text, nullable=False),
)

EVENT_POSITION, CATALOG_VERSION = "event_position", "catalog_version"
# The events up to which payment requests, and the notes beside tips, were purged.
REQUESTS_PURGED, NOTES_PURGED = "requests_purged", "notes_purged"
