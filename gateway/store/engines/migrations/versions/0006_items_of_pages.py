"""The sites that may sell an item, and the page of a sealed one."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    # What was sold everywhere goes on being sold everywhere.
    op.add_column("items", sa.Column("allowed_origins", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("items", sa.Column("page_url", sa.Text(), nullable=True))
