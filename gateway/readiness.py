"""What keeps a gateway from being ready, in words for its operator."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.catalog import Catalog
from gateway.errors import Unavailable
from gateway.fingerprints import lost_keys
from gateway.nodes import Member, Nodes
from gateway.ports import NodeState, Store
from gateway.store.content import ContentFolder
from gateway.store.keyring import FileKeyRing
from gateway.supervise import Supervisor

MOST_NAMED = 5
FRESH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether sales can be made and settled here; and what is wrong, which may be less than that."""

    ready: bool
    wrong: Sequence[str]


@dataclass(slots=True)
class Watchman:
    """Looks at every part that a sale needs. One node that may sell is enough; what is wrong with another is told."""

    nodes: Nodes
    store: Store
    keys: FileKeyRing
    catalog: Catalog
    content: ContentFolder
    supervisor: Supervisor
    found: set[str] = field(default_factory=set)
    """Digests whose bytes were here once, and stay."""
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _last: Readiness | None = None
    _fresh_until: float = 0.0

    async def glance(self) -> Readiness:
        """What was found within the last second, by whoever asked: however many ask, the nodes are asked once."""
        async with self._looking:
            loop = asyncio.get_running_loop()
            if self._last is None or loop.time() >= self._fresh_until:
                self._last = await self.look()
                self._fresh_until = loop.time() + FRESH_SECONDS
            return self._last

    async def look(self) -> Readiness:
        """Asks the database and every node, now."""
        wrong = [f"{name} has ended" for name in self.supervisor.dead()]
        wrong += self._lost_content()
        try:
            wrong += await lost_keys(self.store, self.keys)
        except Unavailable as error:
            wrong.append(error.detail)
        members, ids = list(self.nodes), {member.node_id for member in self.nodes}
        of_nodes = dict(zip(members, await asyncio.gather(*map(self._wrong_with, members)), strict=True))
        wrong += [f"{name}: {error}" for name, node_id, error in self._failing() if node_id not in ids]
        sells = any(member.drained_at is None and not of_nodes[member] for member in members)
        if not members or all(member.drained_at is not None for member in members):
            wrong.append("no node may sell: every one is drained" if members else "no node is configured")
        return Readiness(sells and not wrong, [*wrong, *(line for lines in of_nodes.values() for line in lines)])

    async def _wrong_with(self, member: Member) -> list[str]:
        try:
            status = await member.node.status()
            if status.state is not NodeState.READY:
                return [f"node {member.node_id} is {status.state}: {status.detail}"]
            await member.known.check(status)
        except Unavailable as error:
            return [f"node {member.node_id}: {error.detail}"]
        return [f"{name}: {error}" for name, node_id, error in self._failing() if node_id == member.node_id]

    def _failing(self) -> list[tuple[str, str, str]]:
        """Background work that does not get on: its name, the node_id at the end of that, and why."""
        works = self.supervisor.progress.items()
        return [(name, name.partition(" ")[2], work.last_error) for name, work in works if work.last_error]

    def _lost_content(self) -> list[str]:
        lost = []
        for item in self.catalog.items():
            if item.byte_size and item.digest not in self.found:
                if self.content.path(item.digest).is_file():
                    self.found.add(item.digest)
                else:
                    lost.append(f"the content of {item.id} is not in this gateway's folder")
        return lost[:MOST_NAMED]
