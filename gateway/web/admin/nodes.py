"""LND nodes under /v1/admin: list, drain."""

from aiohttp import web

from gateway.nodes.overview import NodeOverview, set_drained
from gateway.nodes.overview import list_nodes as overview_of
from gateway.rows import rfc3339
from gateway.web.admin.bodies import NodeBody, NodeChange
from gateway.web.admin.callers import authenticate
from gateway.web.http.application import gateway_of
from gateway.web.http.bodies import answer, read_body


async def list_nodes(request: web.Request) -> web.Response:
    """GET /v1/admin/nodes: each is asked how it is; then those that only the books know."""
    gateway = gateway_of(request)
    (await authenticate(request)).must_operate()
    return answer([_body(node) for node in await overview_of(gateway.nodes, gateway.store)])


async def change_node(request: web.Request) -> web.Response:
    """PATCH /v1/admin/nodes/{node_id}: every replica sees it within 2 s."""
    gateway = gateway_of(request)
    (await authenticate(request)).must_operate()
    node_id = gateway.nodes.find(request.match_info["node_id"]).node_id
    change = await read_body(request, NodeChange)
    node = await set_drained(gateway.nodes, gateway.store, node_id, drained=change.drained, now=gateway.now())
    return answer(_body(node))


def _body(node: NodeOverview) -> NodeBody:
    return NodeBody(
        node_id=node.node_id,
        state=node.state,
        detail=node.detail,
        alias=node.alias,
        identity_pubkey=node.identity_pubkey,
        drained_at=None if node.drained_at is None else rfc3339(node.drained_at),
        open_invoices=node.open_invoices,
    )
