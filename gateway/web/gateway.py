"""What the handlers stand on."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from gateway.authorize import Authorizer
from gateway.catalog import Catalog
from gateway.challenge import Challenges
from gateway.checkout import Checkout
from gateway.config import Config
from gateway.hub import Hub
from gateway.ports import Clock, KeyRing, Node, RandomBytes, Store
from gateway.settlement import Settler
from gateway.store.content import ContentFolder
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
    node: Node
    catalog: Catalog
    checkout: Checkout
    challenges: Challenges
    settler: Settler
    authorizer: Authorizer
    hub: Hub
    keys: KeyRing
    content: ContentFolder
    limits: Limits
    metrics: Metrics
    rates: Rates
    supervisor: Supervisor
    operator_key: str
    ready: Callable[[], Awaitable[list[str]]]
    """Gives what keeps the gateway from being ready, empty when nothing does."""

    def tell(self, payment_hash: str) -> None:
        """Let everything here that waits for a settlement know of it, whichever process booked it."""
        self.hub.wake(payment_hash)
        self.challenges.forget(payment_hash)
        self.limits.release(payment_hash)

    def now(self) -> int:
        """Unix seconds."""
        return int(self.clock())


GATEWAY = web.AppKey("gateway", Gateway)


def gateway_of(request: web.Request) -> Gateway:
    """The gateway that this request reached."""
    return request.config_dict[GATEWAY]
