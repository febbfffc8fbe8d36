"""The definition of every table, in a portable subset of SQL.

Instants are whole seconds since 1970, UTC; amounts are msat.
"""

from gateway.store.tables.schema.metadata import metadata
from gateway.store.tables.schema.payouts import (
    destinations,
    payout_caps,
    payout_pauses,
    payout_rules,
    payout_tries,
    payouts,
    refunds,
)
from gateway.store.tables.schema.sales import (
    CATALOG_VERSION,
    EVENT_POSITION,
    NOTES_PURGED,
    REQUESTS_PURGED,
    accounts,
    counters,
    creators,
    drained_nodes,
    events,
    identities,
    invoices,
    items,
    leases,
    past_rates,
    recoveries,
    tip_notes,
    transfers,
    used_codes,
)

__all__ = [
    "CATALOG_VERSION",
    "EVENT_POSITION",
    "NOTES_PURGED",
    "REQUESTS_PURGED",
    "accounts",
    "counters",
    "creators",
    "destinations",
    "drained_nodes",
    "events",
    "identities",
    "invoices",
    "items",
    "leases",
    "metadata",
    "past_rates",
    "payout_caps",
    "payout_pauses",
    "payout_rules",
    "payout_tries",
    "payouts",
    "recoveries",
    "refunds",
    "tip_notes",
    "transfers",
    "used_codes",
]
