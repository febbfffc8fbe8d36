"""The readiness check: whether sales can be made and settled here, and what is wrong, in sentences for the operator."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.access.key_rotation import lost_keys
from gateway.app.replica_clock import ReplicaClock
from gateway.catalog.catalog import Catalog
from gateway.errors import Unavailable
from gateway.money import MSAT_PER_SAT
from gateway.nodes.pool import Nodes, ServingNode
from gateway.ports.node import NodeState
from gateway.ports.store import Store
from gateway.rows import ItemState
from gateway.store.files.content import ContentFolder
from gateway.store.files.keyring import FileKeyRing
from gateway.supervise import Progress, Supervisor

MOST_NAMED = 5
FRESH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Readiness:
    """The result of a check. `wrong` may be non-empty while `ready`, as when one of two nodes is away."""

    ready: bool
    wrong: Sequence[str]


@dataclass(slots=True)
class ReadinessCheck:
    """Checks every part that a sale needs. One node that may sell is enough; `wrong` also lists the others' faults."""

    nodes: Nodes
    store: Store
    keys: FileKeyRing
    catalog: Catalog
    content: ContentFolder
    supervisor: Supervisor
    clock: ReplicaClock | None = None
    most_contents_checked: int = 200
    _next: int = 0
    """Index of the item whose content is checked next."""
    _checking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _last: Readiness | None = None
    _fresh_until: float = 0.0

    async def recent(self) -> Readiness:
        """A result of the last second at the oldest, shared by all callers: the nodes are asked at most once."""
        async with self._checking:
            loop = asyncio.get_running_loop()
            if self._last is None or loop.time() >= self._fresh_until:
                self._last = await self.check()
                self._fresh_until = loop.time() + FRESH_SECONDS
            return self._last

    async def check(self) -> Readiness:
        """Ask the database and every node now."""
        wrong = [f"{name} has ended" for name in self.supervisor.dead()]
        wrong += [self.clock.wrong] if self.clock is not None and self.clock.wrong else []
        wrong += await self._check_contents()
        try:
            wrong += await lost_keys(self.store, self.keys)
        except Unavailable as error:
            wrong.append(error.detail)
        else:
            self._retry_now("")
        serving_nodes = list(self.nodes)
        of_nodes = dict(zip(serving_nodes, await asyncio.gather(*map(self._check_node, serving_nodes)), strict=True))
        wrong += self._failing("")
        sells = any(serving.drained_at is None and not of_nodes[serving] for serving in serving_nodes)
        if not serving_nodes or all(serving.drained_at is not None for serving in serving_nodes):
            wrong.append("no node may sell: every one is drained" if serving_nodes else "no node is configured")
        minor = [f"item {item_id} cannot be read by this version: upgrade it" for item_id in self.catalog.unreadable]
        minor += [*self._failing("", optional=True), *(line for lines in of_nodes.values() for line in lines)]
        return Readiness(sells and not wrong, [*wrong, *minor])

    async def _check_node(self, serving: ServingNode) -> list[str]:
        try:
            status = await serving.node.status()
            if status.state is not NodeState.READY:
                return [f"node {serving.node_id} is {status.state}: {status.detail}"]
            await serving.pinned.check(status)
        except Unavailable as error:
            return [f"node {serving.node_id}: {error.detail}"]
        self._retry_now(serving.node_id)
        await serving.read_inbound()
        if not serving.health.has_room(self._cheapest_msat()):
            inbound_sat = (serving.health.inbound_msat or 0) // MSAT_PER_SAT
            return [
                f"node {serving.node_id} can receive {inbound_sat} sat, and nothing here costs so little: "
                "open a channel towards it, or buy inbound liquidity"
            ]
        return self._failing(serving.node_id)

    def _cheapest_msat(self) -> int:
        """The lowest price; a tip may be of one sat."""
        prices = [item.price_msat for item in self.catalog.items() if item.state is ItemState.ACTIVE]
        return min(prices, default=MSAT_PER_SAT)

    def _failing(self, node_id: str, *, optional: bool = False) -> list[str]:
        """A sentence for each failing background work of a node, or of none (an empty node_id)."""
        works = self._works(node_id)
        return [f"{name}: {work.last_error}" for name, work in works if work.is_failing() and work.optional is optional]

    def _retry_now(self, node_id: str) -> None:
        """End the backoff of work that failed: what it depends on has just answered."""
        for _, work in self._works(node_id):
            work.retry_now()

    def _works(self, node_id: str) -> list[tuple[str, Progress]]:
        """The background work of a node, whose names end in its node_id, or of none."""
        return [each for each in self.supervisor.progress.items() if each[0].partition(" ")[2] == node_id]

    async def _check_contents(self) -> list[str]:
        """A sentence for each lost content. Each call checks some of the items, and those that were lost before."""
        items = [item for item in self.catalog.items() if item.byte_size]
        first = self._next if self._next < len(items) else 0
        self._next = first + self.most_contents_checked
        lost_before = [item for item in items if item.digest in self.content.lost][: self.most_contents_checked]
        checked = [*lost_before, *items[first : first + self.most_contents_checked]]
        try:
            lost = await self.content.look([(item.digest, item.byte_size) for item in checked])
        except Unavailable:
            return ["the folder of the contents does not answer"]
        named = dict.fromkeys(item.id for item in checked if item.digest in lost)
        return [f"the content of {name} is missing or damaged in this gateway's folder" for name in named][:MOST_NAMED]
