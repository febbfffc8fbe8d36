"""An item says where its preview comes from: what was given is not replaced with the content."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    # Nobody knows where an older one comes from; as a given one it stays, and shows no paid words.
    op.add_column("items", sa.Column("preview_source", sa.String(16), nullable=False, server_default="given"))
