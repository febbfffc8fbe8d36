"""Operators' endpoints: liveness, readiness and metrics."""

import hmac

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from gateway.errors import Unauthorized
from gateway.web.http.application import gateway_of
from gateway.web.http.bodies import answer
from gateway.web.http.forwarded import is_local, is_on_admin_socket


async def alive(_: web.Request) -> web.Response:
    """GET /healthz: 200 while the process answers."""
    return answer({"alive": True})


async def ready(request: web.Request) -> web.Response:
    """GET /readyz: 200 or 503. One unavailable node of several is listed but does not make it 503.

    The list of faults names keys and nodes, so only clients that may read the metrics get it.
    """
    found = await gateway_of(request).readiness.recent()
    body = {"ready": found.ready, "wrong": found.wrong} if _may_read_metrics(request) else {"ready": found.ready}
    return answer(body, status=200 if found.ready else 503)


async def metrics(request: web.Request) -> web.Response:
    """GET /metrics: with TUPPENCE_METRICS_TOKEN or on the admin socket; if no token is set, for this machine."""
    gateway = gateway_of(request)
    if not _may_read_metrics(request):
        raise Unauthorized(
            "metrics_closed", "Set TUPPENCE_METRICS_TOKEN and send it as Bearer, or ask on the admin socket."
        )
    await gateway.metrics.read_rows(gateway.store, now=gateway.now())
    return web.Response(body=generate_latest(gateway.metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _may_read_metrics(request: web.Request) -> bool:
    token = gateway_of(request).config.metrics_token
    if not token or is_on_admin_socket(request):
        return is_local(request)
    presented = request.headers.get("Authorization", "").removeprefix("Bearer ").encode(errors="surrogateescape")
    return hmac.compare_digest(presented, token.encode())
