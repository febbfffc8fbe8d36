"""A transaction on either database, with one attribute for each noun."""

from sqlalchemy import Connection

from gateway.ports.store import Tx
from gateway.store.tables import counters
from gateway.store.tables.creators import CreatorRows
from gateway.store.tables.drained_nodes import DrainedNodeRows
from gateway.store.tables.events import EventRows
from gateway.store.tables.identities import IdentityRows
from gateway.store.tables.invoices import InvoiceRows
from gateway.store.tables.items import ItemRows
from gateway.store.tables.leases import LeaseRows
from gateway.store.tables.ledger import LedgerRows
from gateway.store.tables.past_rates import PastRateRows
from gateway.store.tables.payouts.caps import PayoutCapRows
from gateway.store.tables.payouts.destinations import DestinationRows
from gateway.store.tables.payouts.pauses import PayoutPauseRows
from gateway.store.tables.payouts.payouts import PayoutRows
from gateway.store.tables.payouts.refunds import RefundRows
from gateway.store.tables.payouts.rules import PayoutRuleRows
from gateway.store.tables.payouts.tries import TryRows
from gateway.store.tables.purges import PurgeRows
from gateway.store.tables.recoveries import RecoveryRows
from gateway.store.tables.tip_notes import TipNoteRows


class SqlTx(Tx):
    """The nouns of one transaction, all on its connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.creators = CreatorRows(connection)
        self.items = ItemRows(connection)
        self.invoices = InvoiceRows(connection)
        self.ledger = LedgerRows(connection)
        self.events = EventRows(connection)
        self.tip_notes = TipNoteRows(connection)
        self.recoveries = RecoveryRows(connection)
        self.purges = PurgeRows(connection)
        self.identities = IdentityRows(connection)
        self.leases = LeaseRows(connection)
        self.drained_nodes = DrainedNodeRows(connection)
        self.past_rates = PastRateRows(connection)
        self.payouts = PayoutRows(connection)
        self.tries = TryRows(connection)
        self.payout_caps = PayoutCapRows(connection)
        self.payout_pauses = PayoutPauseRows(connection)
        self.destinations = DestinationRows(connection)
        self.payout_rules = PayoutRuleRows(connection)
        self.refunds = RefundRows(connection)

    def probe_write(self) -> None:
        counters.probe_write(self._connection)
