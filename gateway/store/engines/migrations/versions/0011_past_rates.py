"""Past exchange rates: a receipt shows what an amount was worth when it was paid."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "past_rates",
        # An hour has one row, whichever replica writes it.
        sa.Column("hour", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("per_bitcoin", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hour", name="pk_past_rates"),
    )
