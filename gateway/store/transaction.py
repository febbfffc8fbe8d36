"""One transaction, seen as nouns, on whichever database."""

from sqlalchemy import Connection

from gateway.ports import (
    Creators,
    DrainedNodes,
    Events,
    Identities,
    Invoices,
    Items,
    Leases,
    Ledger,
    Recoveries,
    TipNotes,
)
from gateway.store.creators import CreatorRows
from gateway.store.drained_nodes import DrainedNodeRows
from gateway.store.events import EventRows
from gateway.store.identities import IdentityRows
from gateway.store.invoices import InvoiceRows
from gateway.store.items import ItemRows
from gateway.store.leases import LeaseRows
from gateway.store.ledger import LedgerRows
from gateway.store.recoveries import RecoveryRows
from gateway.store.tip_notes import TipNoteRows


class SqlTx:
    """Satisfies `ports.Tx` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self.creators: Creators = CreatorRows(connection)
        self.items: Items = ItemRows(connection)
        self.invoices: Invoices = InvoiceRows(connection)
        self.ledger: Ledger = LedgerRows(connection)
        self.events: Events = EventRows(connection)
        self.tip_notes: TipNotes = TipNoteRows(connection)
        self.recoveries: Recoveries = RecoveryRows(connection)
        self.identities: Identities = IdentityRows(connection)
        self.leases: Leases = LeaseRows(connection)
        self.drained_nodes: DrainedNodes = DrainedNodeRows(connection)
