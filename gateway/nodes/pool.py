"""The LND nodes of a gateway, and the choice of the one that makes the next invoice."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import structlog

from gateway.errors import NotFound, OutcomeUnknown, Unavailable
from gateway.money import Msat
from gateway.nodes.health import Health
from gateway.nodes.identity import PinnedNode
from gateway.ports.node import IssuedInvoice, Node, NodeState, NodeStatus
from gateway.ports.store import Store
from gateway.rows import Invoice
from gateway.supervise import Progress

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTiming:
    """How often a node is asked about itself, and how long a sale waits for its answer."""

    watch_every_seconds: float = 5.0
    confirmed_within_seconds: float = 0.8
    inbound_fresh_seconds: float = 1.0


NODE_TIMING = NodeTiming()


@dataclass(slots=True, kw_only=True, eq=False)
class ServingNode:
    """One configured node: its client, its pinned identity, its health, and whether it is drained."""

    node: Node
    pinned: PinnedNode
    timing: NodeTiming = NODE_TIMING
    health: Health = field(default_factory=Health)
    drained_at: int | None = None
    inbound_fresh_until: float = 0.0

    @property
    def node_id(self) -> str:
        """The node's name in the books."""
        return self.node.node_id

    async def status(self) -> NodeStatus:
        """Its status now, with its identity checked. Raises `Unavailable` (`node_changed`, `node_refused`)."""
        status = await self.node.status()
        if status.identity_pubkey:
            await self.pinned.check(status)
        return status

    async def watch(self, progress: Progress) -> None:
        """Check its identity, its state and what it can receive every few seconds, for ever.

        Raises `Unavailable` (`node_changed`, `node_refused`).
        """
        while True:
            try:
                self.health.state = (await self.status()).state
            except Unavailable:
                self.health.state = NodeState.ABSENT
                raise
            if self.health.state is NodeState.READY:
                await self.read_inbound()
            progress.made()
            await asyncio.sleep(self.timing.watch_every_seconds)

    async def read_inbound(self) -> None:
        """Ask what it can receive, at most once a second. Without an answer it is unknown, which stops no sale."""
        if _now() < self.inbound_fresh_until:
            return
        self.inbound_fresh_until = _now() + self.timing.inbound_fresh_seconds
        try:
            async with asyncio.timeout(self.timing.confirmed_within_seconds):
                self.health.inbound_msat = (await self.node.liquidity()).inbound_msat
        except (Unavailable, OutcomeUnknown, TimeoutError):
            self.health.inbound_msat = None


class Nodes:
    """Every configured node, in the order of the configuration."""

    def __init__(self, nodes: Sequence[Node], store: Store, *, timing: NodeTiming = NODE_TIMING) -> None:
        self._store = store
        self._turn = 0
        self._serving = {
            node.node_id: ServingNode(node=node, pinned=PinnedNode(node, store), timing=timing) for node in nodes
        }

    def __iter__(self) -> Iterator[ServingNode]:
        return iter(self._serving.values())

    def __getitem__(self, node_id: str) -> ServingNode:
        return self._serving[node_id]

    def find(self, node_id: str) -> ServingNode:
        """Raises `NotFound` (`node_not_found`)."""
        if node_id not in self._serving:
            known = ", ".join(self._serving) or "none"
            raise NotFound("node_not_found", f"No node of the configuration is called {node_id}; there is {known}.")
        return self._serving[node_id]

    # Sales ------------------------------------------------------------------------------------------------------------

    async def add_invoice(
        self, new_preimage: Callable[[], bytes], *, amount_msat: Msat, memo: str, expiry_seconds: int
    ) -> tuple[str, IssuedInvoice]:
        """Make an invoice at the first node that answers; returns its node_id and the invoice.

        Each node is given another preimage: an invoice that one may have made without answering is seen by nobody.
        Raises what the first node raised, `Unavailable` or `OutcomeUnknown`; `Unavailable` (`node_drained`) if every
        node is drained, and (`no_inbound_liquidity`) if no node can receive the amount.
        """
        first: Unavailable | OutcomeUnknown | None = None
        for serving in await self._with_room(amount_msat):
            try:
                issued = await self._ask(
                    serving, new_preimage(), amount_msat=amount_msat, memo=memo, expiry_seconds=expiry_seconds
                )
            except (Unavailable, OutcomeUnknown) as refusal:
                log.info("node_passed_over", node_id=serving.node_id, code=refusal.code)
                first = first or refusal
            else:
                return serving.node_id, issued
        raise first or Unavailable("node_drained", "Every node is drained: `tuppence node undrain` lets one sell.")

    async def _with_room(self, amount_msat: int) -> list[ServingNode]:
        """The nodes that are not drained and can receive the amount, the healthiest first.

        Raises `Unavailable` (`no_inbound_liquidity`) if no node can receive it.
        """
        sellers = self._sellers(amount_msat)
        able = [serving for serving in sellers if serving.health.has_room(amount_msat)]
        if not able:
            # Each is asked again before a sale is refused: a channel may have been opened since.
            await asyncio.gather(*(serving.read_inbound() for serving in sellers))
            able = [serving for serving in sellers if serving.health.has_room(amount_msat)]
        if sellers and not able:
            log.warning("no_inbound_liquidity", amount_msat=amount_msat)
            raise Unavailable(
                "no_inbound_liquidity",
                "The creator's node cannot receive this amount just now. Nothing was charged; try again later. Its "
                "operator has to open a channel towards it, or to buy inbound liquidity (see `tuppence doctor`).",
                retry_after_seconds=60,
            )
        return able

    def _sellers(self, amount_msat: int) -> list[ServingNode]:
        """The nodes that are not drained, the healthiest first."""
        now = _now()
        sellers = [serving for serving in self if serving.drained_at is None]
        seconds = [latency for m in sellers if (latency := m.health.latency_seconds(now)) is not None]
        quickest = min(seconds, default=0.0)
        return sorted(sellers, key=lambda m: m.health.rank(now, amount_msat=amount_msat, quickest_seconds=quickest))

    async def _ask(
        self, serving: ServingNode, preimage: bytes, *, amount_msat: Msat, memo: str, expiry_seconds: int
    ) -> IssuedInvoice:
        self._turn += 1
        serving.health.asked(self._turn)
        try:
            if not serving.pinned.is_confirmed:
                await _confirm(serving)
            began = _now()
            issued = await serving.node.add_invoice(
                preimage, amount_msat=amount_msat, memo=memo, expiry_seconds=expiry_seconds
            )
        except (Unavailable, OutcomeUnknown):
            serving.health.failed(_now())
            raise
        finally:
            serving.health.ended()
        serving.health.answered(_now(), seconds=_now() - began)
        return issued

    # Receipts ---------------------------------------------------------------------------------------------------------

    async def preimage(self, invoice: Invoice) -> str | None:
        """The preimage (hex) of a settled invoice; None if its node is not configured any more."""
        serving = self._serving.get(invoice.node_id)
        return None if serving is None else await serving.node.preimage(invoice.payment_hash)

    # Drained nodes ----------------------------------------------------------------------------------------------------

    async def drain(self, node_id: str, *, now: int) -> None:
        """Make no more invoices there; its open ones are followed. Raises `NotFound` (`node_not_found`)."""
        self.find(node_id)
        await self._store.write(lambda tx: tx.drained_nodes.insert(node_id, now=now))
        await self.read_drained()

    async def undrain(self, node_id: str) -> None:
        """Make invoices there again. Raises `NotFound` (`node_not_found`)."""
        self.find(node_id)
        await self._store.write(lambda tx: tx.drained_nodes.delete(node_id))
        await self.read_drained()

    async def read_drained(self) -> None:
        """Read which nodes any replica has drained."""
        drained = dict(await self._store.read(lambda tx: tx.drained_nodes.list()))
        for serving in self:
            serving.drained_at = drained.get(serving.node_id)


async def _confirm(serving: ServingNode) -> None:
    """Confirm the identity for a sale, which does not wait for a silent node: the background asks it for longer."""
    try:
        async with asyncio.timeout(serving.timing.confirmed_within_seconds):
            await serving.pinned.confirm()
    except TimeoutError as error:
        raise Unavailable("node_away", "LND does not answer.", retry_after_seconds=5) from error


def _now() -> float:
    return asyncio.get_running_loop().time()
