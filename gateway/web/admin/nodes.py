"""The operator's look at the LND nodes, and the word that drains one."""

import asyncio
from collections.abc import Mapping

from aiohttp import web

from gateway.app.gateway import Gateway
from gateway.errors import Unavailable
from gateway.nodes.identity import KIND
from gateway.nodes.pool import ServingNode
from gateway.rows import rfc3339
from gateway.web.admin.bodies import NodeBody, NodeChange
from gateway.web.admin.callers import authenticate
from gateway.web.http.app_keys import gateway_of
from gateway.web.http.bodies import answer, read_body


async def list_nodes(request: web.Request) -> web.Response:
    """GET /v1/admin/nodes: each is asked how it is; then those that only the books know."""
    gateway = gateway_of(request)
    (await authenticate(request)).must_operate()
    await gateway.nodes.read_drained()
    open_invoices, pinned = await _in_the_books(gateway)
    bodies = await asyncio.gather(*(_body(serving, open_invoices, pinned) for serving in gateway.nodes))
    configured = {serving.node_id for serving in gateway.nodes}
    gone = [_gone(node_id, count) for node_id, count in sorted(open_invoices.items()) if node_id not in configured]
    return answer([*bodies, *gone])


async def change_node(request: web.Request) -> web.Response:
    """PATCH /v1/admin/nodes/{node_id}: every replica sees it within 2 s."""
    gateway = gateway_of(request)
    (await authenticate(request)).must_operate()
    serving = gateway.nodes.find(request.match_info["node_id"])
    if (await read_body(request, NodeChange)).drained:
        await gateway.nodes.drain(serving.node_id, now=gateway.now())
    else:
        await gateway.nodes.undrain(serving.node_id)
    return answer(await _body(serving, *await _in_the_books(gateway)))


async def _in_the_books(gateway: Gateway) -> tuple[Mapping[str, int], Mapping[str, str]]:
    """How many invoices are open, and which identity_pubkey is known, by node_id."""
    return await gateway.store.read(lambda tx: (tx.invoices.count_open(), dict(tx.identities.list(KIND))))


async def _body(serving: ServingNode, open_invoices: Mapping[str, int], pinned: Mapping[str, str]) -> NodeBody:
    state, detail, alias = await _look(serving)
    return NodeBody(
        node_id=serving.node_id,
        state=state,
        detail=detail,
        alias=alias,
        identity_pubkey=pinned.get(serving.node_id, ""),
        drained_at=None if serving.drained_at is None else rfc3339(serving.drained_at),
        open_invoices=open_invoices.get(serving.node_id, 0),
    )


async def _look(serving: ServingNode) -> tuple[str, str, str]:
    """State, detail and alias; a node that refuses us, or is another than it was, is `refused`."""
    try:
        status = await serving.status()
    except Unavailable as refusal:
        return "refused", refusal.detail, ""
    return status.state.value, status.detail, status.alias


def _gone(node_id: str, open_invoices: int) -> NodeBody:
    return NodeBody(
        node_id=node_id,
        state="unknown",
        detail="not in the configuration: nobody follows its invoices",
        alias="",
        identity_pubkey="",
        drained_at=None,
        open_invoices=open_invoices,
    )
