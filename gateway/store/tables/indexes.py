"""Indexes that migrations create. They are apart so that a running gateway does not import every SQL dialect."""

from sqlalchemy import Index, text

from gateway.store.tables.schema import invoices

# The sweep and the limit on open invoices read only open rows, so their cost does not grow with past sales.
UNRESOLVED = Index(
    "ix_invoices_unresolved",
    invoices.c.node_id,
    invoices.c.add_index,
    sqlite_where=text("state = 'open'"),
    postgresql_where=text("state = 'open'"),
)
# Canceled rows are kept for a day; a purge reads only those.
CANCELED = Index(
    "ix_invoices_canceled",
    invoices.c.canceled_at,
    sqlite_where=text("state = 'canceled'"),
    postgresql_where=text("state = 'canceled'"),
)
