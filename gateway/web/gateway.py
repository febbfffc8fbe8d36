"""What the handlers stand on."""

from dataclasses import dataclass, field

from aiohttp import web

from gateway.authorize import Authorizer
from gateway.catalog import Catalog
from gateway.challenge import Challenges
from gateway.checkout import Checkout
from gateway.config import Config
from gateway.hub import Hub
from gateway.nodes import Nodes
from gateway.ports import Clock, RandomBytes, Store
from gateway.purge import Purger
from gateway.readiness import Watchman
from gateway.renderer import Renderer
from gateway.shared_reads import SharedReads
from gateway.store.content import ContentFolder
from gateway.store.keyring import FileKeyRing
from gateway.supervise import Supervisor
from gateway.web.limits import Limits
from gateway.web.metrics import Metrics
from gateway.web.rates import Rates


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A running gateway's parts, one owner each."""

    config: Config
    clock: Clock
    random_bytes: RandomBytes
    store: Store
    reads: SharedReads
    nodes: Nodes
    catalog: Catalog
    checkout: Checkout
    challenges: Challenges
    purger: Purger
    authorizer: Authorizer
    hub: Hub
    keys: FileKeyRing
    content: ContentFolder
    limits: Limits
    metrics: Metrics
    rates: Rates
    supervisor: Supervisor
    operator_key: str
    watchman: Watchman
    renderer: Renderer = field(default_factory=Renderer)

    def tell(self, payment_hash: str) -> None:
        """Let everything here that waits for the node's word on an invoice know of it, whichever process booked it."""
        self.hub.wake(payment_hash)
        self.challenges.forget(payment_hash)
        self.limits.release(payment_hash)

    def now(self) -> int:
        """Unix seconds."""
        return int(self.clock())


GATEWAY = web.AppKey("gateway", Gateway)


def gateway_of(request: web.Request) -> Gateway:
    """The gateway that this request reached."""
    return request.app[GATEWAY]
