"""The operator's view of the LND nodes: how each one is, and draining."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.errors import Unavailable
from gateway.nodes.identity import KIND
from gateway.nodes.pool import Nodes, ServingNode
from gateway.ports.store import Store

REFUSED, UNKNOWN = "refused", "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeOverview:
    """One node. `state` is a `NodeState`, `refused` or, for a node that is not configured, `unknown`."""

    node_id: str
    state: str
    detail: str
    alias: str = ""
    identity_pubkey: str = ""
    drained_at: int | None = None
    open_invoices: int = 0


async def list_nodes(nodes: Nodes, store: Store) -> list[NodeOverview]:
    """Every configured node, asked now; then those with open invoices that are not configured any more."""
    await nodes.read_drained()
    open_invoices, pubkeys = await _rows(store)
    configured = await asyncio.gather(*(_overview(serving, open_invoices, pubkeys) for serving in nodes))
    gone = open_invoices.keys() - {serving.node_id for serving in nodes}
    detail = "not in the configuration: nobody follows its invoices"
    return [
        *configured,
        *(
            NodeOverview(node_id=node_id, state=UNKNOWN, detail=detail, open_invoices=open_invoices[node_id])
            for node_id in sorted(gone)
        ),
    ]


async def set_drained(nodes: Nodes, store: Store, node_id: str, *, drained: bool, now: int) -> NodeOverview:
    """Drain a node or let it sell again; replicas see it within 2 s. Raises `NotFound` (`node_not_found`)."""
    serving = nodes.find(node_id)
    if drained:
        await nodes.drain(node_id, now=now)
    else:
        await nodes.undrain(node_id)
    return await _overview(serving, *await _rows(store))


async def _rows(store: Store) -> tuple[Mapping[str, int], Mapping[str, str]]:
    """The number of open invoices, and the pinned identity_pubkey, by node_id."""
    return await store.read(lambda tx: (tx.invoices.count_open(), dict(tx.identities.list(KIND))))


async def _overview(serving: ServingNode, open_invoices: Mapping[str, int], pubkeys: Mapping[str, str]) -> NodeOverview:
    try:
        status = await serving.status()
        state, detail, alias = status.state.value, status.detail, status.alias
    except Unavailable as refusal:
        state, detail, alias = REFUSED, refusal.detail, ""
    return NodeOverview(
        node_id=serving.node_id,
        state=state,
        detail=detail,
        alias=alias,
        identity_pubkey=pubkeys.get(serving.node_id, ""),
        drained_at=serving.drained_at,
        open_invoices=open_invoices.get(serving.node_id, 0),
    )
