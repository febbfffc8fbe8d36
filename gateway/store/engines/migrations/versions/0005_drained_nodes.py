"""Nodes that an operator has drained."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    # A node sells unless it has a row here.
    op.create_table(
        "drained_nodes",
        sa.Column("node_id", sa.String(length=66), nullable=False),
        sa.Column("drained_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("node_id", name=("pk_drained_nodes")),
    )
