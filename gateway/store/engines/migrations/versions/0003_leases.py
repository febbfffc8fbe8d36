"""Leases, which decide which replica follows and sweeps a node."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # One row per node, on the database's clock.
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=66), nullable=False),
        sa.Column("holder", sa.String(length=32), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=("pk_leases")),
    )
