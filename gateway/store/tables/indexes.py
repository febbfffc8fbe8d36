"""Indexes that migrations make. A running gateway never names them, nor loads every dialect whose options they name."""

from sqlalchemy import Index, text

from gateway.store.tables.schema import invoices

# The sweep and the cap on open invoices read only what has no verdict: flat, however many were ever sold.
UNRESOLVED = Index(
    "ix_invoices_unresolved",
    invoices.c.node_id,
    invoices.c.add_index,
    sqlite_where=text("state = 'open'"),
    postgresql_where=text("state = 'open'"),
)
# What is canceled stays for a day: a purge reads that and no more.
CANCELED = Index(
    "ix_invoices_canceled",
    invoices.c.canceled_at,
    sqlite_where=text("state = 'canceled'"),
    postgresql_where=text("state = 'canceled'"),
)
