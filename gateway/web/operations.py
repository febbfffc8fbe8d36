"""For those who run it: alive, ready, metrics."""

import hmac
from ipaddress import ip_address

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from gateway.errors import Unauthorized
from gateway.web.bodies import answer
from gateway.web.gateway import gateway_of


async def alive(_: web.Request) -> web.Response:
    """GET /healthz: the process answers."""
    return answer({"alive": True})


async def ready(request: web.Request) -> web.Response:
    """GET /readyz: 200 or 503, and what is wrong: one node of several that is away is told, and no reason for 503."""
    found = await gateway_of(request).ready()
    return answer({"ready": found.ready, "wrong": found.wrong}, status=200 if found.ready else 503)


async def metrics(request: web.Request) -> web.Response:
    """GET /metrics, on loopback or with the token of TUPPENCE_METRICS_TOKEN."""
    gateway = gateway_of(request)
    token = gateway.config.metrics_token
    presented = request.headers.get("Authorization", "").removeprefix("Bearer ").encode(errors="surrogateescape")
    allowed = hmac.compare_digest(presented, token.encode()) if token else _is_loopback(request.remote)
    if not allowed:
        raise Unauthorized("metrics_closed", "Send TUPPENCE_METRICS_TOKEN as Bearer, or ask from the machine itself.")
    return web.Response(body=generate_latest(gateway.metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _is_loopback(address: str | None) -> bool:
    try:
        return ip_address(address or "").is_loopback
    except ValueError:
        return False
