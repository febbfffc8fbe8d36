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
    Purges,
    Recoveries,
    TipNotes,
)
from gateway.store.tables import counters
from gateway.store.tables.creators import CreatorRows
from gateway.store.tables.drained_nodes import DrainedNodeRows
from gateway.store.tables.events import EventRows
from gateway.store.tables.identities import IdentityRows
from gateway.store.tables.invoices import InvoiceRows
from gateway.store.tables.items import ItemRows
from gateway.store.tables.leases import LeaseRows
from gateway.store.tables.ledger import LedgerRows
from gateway.store.tables.purges import PurgeRows
from gateway.store.tables.recoveries import RecoveryRows
from gateway.store.tables.tip_notes import TipNoteRows


class SqlTx:
    """Satisfies `ports.Tx` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.creators: Creators = CreatorRows(connection)
        self.items: Items = ItemRows(connection)
        self.invoices: Invoices = InvoiceRows(connection)
        self.ledger: Ledger = LedgerRows(connection)
        self.events: Events = EventRows(connection)
        self.tip_notes: TipNotes = TipNoteRows(connection)
        self.recoveries: Recoveries = RecoveryRows(connection)
        self.purges: Purges = PurgeRows(connection)
        self.identities: Identities = IdentityRows(connection)
        self.leases: Leases = LeaseRows(connection)
        self.drained_nodes: DrainedNodes = DrainedNodeRows(connection)

    def probe_write(self) -> None:
        counters.probe_write(self._connection)
