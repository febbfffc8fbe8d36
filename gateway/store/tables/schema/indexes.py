"""Partial indexes and those of lists. Some are unique, and decide that a payout is paid once.

They are apart so that a running gateway does not import every SQL dialect.
"""

from typing import Any

from sqlalchemy import Index, text

from gateway.store.tables.schema.payouts import payout_tries, payouts, refunds
from gateway.store.tables.schema.sales import invoices, transfers


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


INDEXES = (
    # The sweep and the limit on open invoices read only open rows, so their cost does not grow with past sales.
    Index("ix_invoices_unresolved", invoices.c.node_id, invoices.c.add_index, **_where("state = 'open'")),
    # Canceled rows are kept for a day; a purge reads only those.
    Index("ix_invoices_canceled", invoices.c.canceled_at, **_where("state = 'canceled'")),
    # Each owner's transfer is booked once. Most transfers belong to payments, so these hold little.
    Index(
        "uq_transfers_payout_id",
        transfers.c.payout_id,
        transfers.c.code,
        transfers.c.n,
        unique=True,
        **_where("payout_id IS NOT NULL"),
    ),
    Index(
        "uq_transfers_refund_of",
        transfers.c.refund_of,
        transfers.c.code,
        transfers.c.n,
        unique=True,
        **_where("refund_of IS NOT NULL"),
    ),
    # A payout has one try that is open or has succeeded: after a success there can be no other, ever.
    Index(
        "uq_payout_tries_live",
        payout_tries.c.payout_id,
        unique=True,
        **_where("state IN ('reserved', 'dispatched', 'succeeded')"),
    ),
    # A refund has one claim that is under way or paid.
    Index(
        "uq_payouts_claim",
        payouts.c.source_account,
        unique=True,
        **_where("source_account LIKE 'refund:%' AND state <> 'canceled'"),
    ),
    # What awaits something: flat, however many payouts there were.
    Index("ix_payouts_due", payouts.c.next_try_at, **_where("state = 'waiting'")),
    # SQLite chooses the index of two conditions and the order: otherwise it would read every payout of an account.
    Index(
        "ix_payouts_open",
        payouts.c.source_account,
        payouts.c.ended_at,
        payouts.c.created_at,
        payouts.c.payout_id,
        **_where("ended_at IS NULL"),
    ),
    Index("ix_payout_tries_reserved", payout_tries.c.reserved_at, **_where("state = 'reserved'")),
    Index("ix_payout_tries_to_check", payout_tries.c.check_at, **_where("state = 'dispatched'")),
    Index("ix_refunds_offered", refunds.c.expires_at, **_where("state = 'offered'")),
    Index("ix_payouts_to_clear", payouts.c.ended_at, **_where("asked_by = 'payer' AND destination <> ''")),
    # What was spent since an instant, of all and of one account, from the index alone.
    Index("ix_payout_tries_spent", payout_tries.c.dispatched_at, payout_tries.c.state, payout_tries.c.amount_msat),
    Index(
        "ix_payout_tries_spent_of",
        payout_tries.c.source_account,
        payout_tries.c.state,
        payout_tries.c.dispatched_at,
        payout_tries.c.amount_msat,
    ),
    # Lists, the newest first: an index is read backwards as well.
    Index("ix_payouts_created", payouts.c.created_at, payouts.c.payout_id),
    Index("ix_payouts_created_of", payouts.c.source_account, payouts.c.created_at, payouts.c.payout_id),
    Index("ix_refunds_created", refunds.c.created_at, refunds.c.payment_hash),
)
