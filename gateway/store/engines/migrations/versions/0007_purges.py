"""The time at which an invoice was canceled, so that it can be deleted a day later."""

import time

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_PURGED = ("tip_notes.message", "tip_notes.name", "invoices.payment_request")


def upgrade() -> None:
    op.add_column("invoices", sa.Column("canceled_at", sa.BigInteger(), nullable=True))
    # Nobody wrote down when those were canceled: their day begins now.
    begin = sa.text("UPDATE invoices SET canceled_at = :now WHERE state = 'canceled'")
    op.execute(begin.bindparams(now=int(time.time())))
    # Only what awaits its end: flat, however many invoices were ever sold.
    op.create_index(
        "ix_invoices_canceled",
        "invoices",
        ["canceled_at"],
        unique=False,
        sqlite_where=sa.text("state = 'canceled'"),
        postgresql_where=sa.text("state = 'canceled'"),
    )
    if op.get_context().dialect.name == "postgresql":
        # The planner's samples of what a column holds outlive its rows: of these it takes none.
        for table, column in (name.split(".") for name in _PURGED):
            op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS 0")
