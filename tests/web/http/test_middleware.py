"""The outermost middleware: CORS and security headers, and what clients see of a defect."""

from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from gateway.app.gateway import Gateway
from gateway.ports.node import NodeState
from gateway.web.routes import API, Route
from gateway.web.serve import build_app
from tests.support.site import Site, serve_app

HASH = "ab" * 32
ORIGIN = {"Origin": "https://blog.example"}


def path_of(route: Route) -> str:
    return route.path.format_map(
        {"item_id": "welcome", "name": "alice", "payment_hash": HASH, "node_id": "lnd", "payout_id": "0" * 32}
    )


READERS = [route for route in API if route.path.startswith("/v1/") and not route.path.startswith("/v1/admin/")]
ADMIN = [route for route in API if route.path.startswith("/v1/admin/")]


@pytest.mark.parametrize("route", READERS, ids=lambda route: f"{route.method} {route.path}")
async def test_every_response_to_readers_is_readable_from_any_origin(site: Site, route: Route) -> None:
    for for_sale in (False, True):
        async with site.session.request(route.method, f"{site.url}{path_of(route)}", headers=ORIGIN) as response:
            assert response.headers["Access-Control-Allow-Origin"] == "*"
            assert "WWW-Authenticate" in response.headers["Access-Control-Expose-Headers"]
            assert "Access-Control-Allow-Credentials" not in response.headers
        if not for_sale:
            await site.sell_text("# A text\n\nFree.\n\nPaid.")


@pytest.mark.parametrize("path", [*(path_of(route) for route in READERS), "/v1/nothing", "/v1/"])
async def test_every_preflight_is_answered_and_never_asked_to_pay(site: Site, path: str) -> None:
    headers = ORIGIN | {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    async with site.session.options(f"{site.url}{path}", headers=headers) as response:
        assert (response.status, await response.read()) == (204, b"")
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert "POST" in response.headers["Access-Control-Allow-Methods"]
        allowed = response.headers["Access-Control-Allow-Headers"]
        assert all(name in allowed for name in ("Authorization", "Content-Type", "Idempotency-Key"))
        assert int(response.headers["Access-Control-Max-Age"]) > 0


@pytest.mark.parametrize("route", ADMIN, ids=lambda route: f"{route.method} {route.path}")
async def test_no_admin_response_is_readable_from_another_origin(site: Site, route: Route) -> None:
    for method, headers in ((route.method, site.operator), (route.method, {}), ("OPTIONS", site.operator)):
        async with site.session.request(method, f"{site.url}{path_of(route)}", headers=headers | ORIGIN) as response:
            assert not [name for name in response.headers if name.startswith("Access-Control")]
            assert method != "OPTIONS" or response.status == 405


@pytest.mark.parametrize(
    ("path", "refusal"),
    [
        ("/v1/%61dmin/creators", (401, "api_key_missing")),
        ("/v1//admin/creators", (404, "route_not_found")),
        ("//v1/admin/creators", (404, "route_not_found")),
        ("/V1/admin/items", (404, "route_not_found")),
    ],
)
async def test_an_encoded_path_does_not_evade_the_rules(site: Site, path: str, refusal: tuple[int, str]) -> None:
    status, body = await site.call("GET", path)
    assert (status, body["code"]) == refusal


@pytest.mark.parametrize("path", ["/healthz", "/v1/items/x", "/v1/admin/items", "/nothing", "/i/welcome", "/static/x"])
async def test_every_response_has_the_security_headers(site: Site, path: str) -> None:
    async with site.session.get(f"{site.url}{path}") as response:
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        assert response.headers["Referrer-Policy"] == ("same-origin" if path == "/i/welcome" else "no-referrer")
        assert "Cache-Control" in response.headers


async def test_a_defect_is_logged_with_its_traceback_and_hidden_from_the_client(site: Site) -> None:
    async def defect(_: web.Request) -> web.Response:
        msg = "the secret plan"
        raise RuntimeError(msg)

    app = build_app(site.gateway)
    app.router.add_get("/v1/broken/{secret}", defect)
    with capture_logs() as logs:
        async with serve_app(app) as url, site.session.get(f"{url}/v1/broken/mine") as response:
            body = await response.json(content_type=None)
            assert response.status == 500
            assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert (body["code"], "secret" in str(body)) == ("internal_error", False)
    assert [(log["event"], log["route"], log["exc_info"]) for log in logs] == [
        ("request_failed", "/v1/broken/{secret}", True)
    ]


async def test_requests_are_counted_by_route_and_not_by_path(site: Site) -> None:
    for path in ("/v1/items/secret-diary", "/i/secret-diary", "/v1/nothing/secret-diary"):
        await site.call("GET", path)
    _, metrics = await site.call("GET", "/metrics")
    assert 'tuppence_requests_total{route="/v1/items/{item_id}",status="404"} 1.0' in metrics
    assert 'tuppence_requests_total{route="none",status="404"} 1.0' in metrics
    assert "secret-diary" not in metrics


async def test_metrics_are_readable_from_this_machine_or_with_the_token(site: Site) -> None:
    assert (await site.call("GET", "/metrics"))[0] == 200
    closed = with_fields(site.gateway, metrics_token="s" * 20)
    async with serve_app(build_app(closed)) as url:
        for headers, status in (({}, 401), ({"Authorization": "Bearer x"}, 401), ({"Authorization": "s" * 20}, 200)):
            async with site.session.get(f"{url}/metrics", headers=headers) as response:
                assert response.status == status


async def test_a_working_gateway_is_alive_and_ready(site: Site) -> None:
    assert await site.call("GET", "/healthz") == (200, {"alive": True})
    assert await site.call("GET", "/readyz") == (200, {"ready": True, "wrong": []})


async def test_faults_are_listed_only_for_clients_that_may_read_the_metrics(site: Site) -> None:
    site.core.state = NodeState.LOCKED
    status, said = await site.call("GET", "/readyz")
    assert (status, said["ready"], len(said["wrong"])) == (503, False, 1)
    elsewhere = {"X-Forwarded-For": "203.0.113.9"}
    assert await site.call("GET", "/readyz", headers=elsewhere) == (503, {"ready": False})
    closed = with_fields(site.gateway, metrics_token="s" * 20)
    async with serve_app(build_app(closed)) as url, site.session.get(f"{url}/readyz") as response:
        assert (response.status, await response.json()) == (503, {"ready": False})
    headers = {"Authorization": "Bearer " + "s" * 20}
    async with serve_app(build_app(closed)) as url, site.session.get(f"{url}/readyz", headers=headers) as response:
        assert "wrong" in await response.json()


def with_fields(gateway: Gateway, **fields: Any) -> Gateway:
    """The same gateway with another configuration."""
    return replace(gateway, config=gateway.config.model_copy(update=fields))
