"""The gateway as one object, which the handlers of every door use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.access.authorize import Authorizer
from gateway.access.refund_claims import RefundClaims
from gateway.app.metrics import Metrics
from gateway.app.payouts import Payouts
from gateway.app.readiness import ReadinessCheck
from gateway.books.retention import Purger
from gateway.catalog.catalog import Catalog
from gateway.catalog.items import ItemEditor
from gateway.config import Config
from gateway.events.hub import Hub
from gateway.events.shared_reads import SharedReads
from gateway.limits.client_keys import ClientKeys
from gateway.limits.limits import Limits
from gateway.nodes.pool import Nodes
from gateway.ports.announcer import Announcer
from gateway.ports.clock import Clock
from gateway.ports.random_bytes import RandomBytes
from gateway.ports.store import Store
from gateway.rates.rate import Rates
from gateway.sales.purchase import Sales
from gateway.sales.wallets import Wallet
from gateway.settlement.recheck import Rechecker
from gateway.settlement.settle import Settler
from gateway.store.files.content import ContentFolder
from gateway.store.files.keyring import FileKeyRing
from gateway.supervise import Supervisor


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """The parts of a running gateway."""

    config: Config
    clock: Clock
    random_bytes: RandomBytes
    store: Store
    reads: SharedReads
    nodes: Nodes
    settlers: Mapping[str, Settler]
    rechecker: Rechecker
    catalog: Catalog
    items: ItemEditor
    sales: Sales
    purger: Purger
    authorizer: Authorizer
    hub: Hub
    keys: FileKeyRing
    content: ContentFolder
    client_keys: ClientKeys
    limits: Limits
    metrics: Metrics
    announcer: Announcer
    rates: Rates
    wallets: Sequence[Wallet]
    payouts: Payouts
    refund_claims: RefundClaims
    supervisor: Supervisor
    operator_key: str
    readiness: ReadinessCheck

    def now(self) -> int:
        """Unix seconds."""
        return int(self.clock())
