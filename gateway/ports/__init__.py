"""What the domain needs of the outside: an LND node, a store, a key ring, time and chance."""

from collections.abc import Callable

from gateway.ports.contents import Contents
from gateway.ports.keys import KeyRing
from gateway.ports.node import (
    ChannelLiquidity,
    IssuedInvoice,
    Node,
    NodeInvoice,
    NodeInvoiceState,
    NodeState,
    NodeStatus,
)
from gateway.ports.store import (
    Creators,
    Doorbell,
    DrainedNodes,
    Events,
    Identities,
    Invoices,
    Items,
    Leases,
    Ledger,
    Purges,
    Recoveries,
    Store,
    TipNotes,
    Tx,
)

Clock = Callable[[], float]
"""Seconds since 1970, UTC."""
RandomBytes = Callable[[int], bytes]

__all__ = [
    "ChannelLiquidity",
    "Clock",
    "Contents",
    "Creators",
    "Doorbell",
    "DrainedNodes",
    "Events",
    "Identities",
    "Invoices",
    "IssuedInvoice",
    "Items",
    "KeyRing",
    "Leases",
    "Ledger",
    "Node",
    "NodeInvoice",
    "NodeInvoiceState",
    "NodeState",
    "NodeStatus",
    "Purges",
    "RandomBytes",
    "Recoveries",
    "Store",
    "TipNotes",
    "Tx",
]
