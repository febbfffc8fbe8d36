"""Recovery codes."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # The keyed hash of a code is its identity: one code opens one payment.
    op.create_table(
        "recoveries",
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("payment_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["payment_hash"], ["invoices.payment_hash"], name=("fk_recoveries_payment_hash")),
        sa.PrimaryKeyConstraint("code_hash", name=("pk_recoveries")),
    )
    # Without it a purge of invoices would read every code.
    op.create_index("ix_recoveries_payment_hash", "recoveries", ["payment_hash"], unique=False)
