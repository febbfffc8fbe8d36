"""The source of an item's preview: one that was given stays when the content is replaced."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    # Nobody knows where an older one comes from; as a given one it stays, and shows no paid words.
    op.add_column("items", sa.Column("preview_source", sa.String(16), nullable=False, server_default="given"))
