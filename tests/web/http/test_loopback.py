"""Requests are local only if no proxy forwarded them: a loopback peer is not proof."""

import aiohttp
import pytest

from gateway.ports.node import NodeState
from gateway.web.serve import build_app, serve_admin
from tests.support.site import Site, serve_app
from tests.web.http.test_middleware import with_fields

PASSED_ON = [
    {"X-Forwarded-For": "203.0.113.7"},
    {"Forwarded": "for=203.0.113.7"},
    {"X-Forwarded-Host": "pay.example"},
    {"X-Real-IP": "203.0.113.7"},
    {"Via": "1.1 proxy"},
    {"CF-Connecting-IP": "203.0.113.7"},
    {"Tailscale-User-Login": "a"},
    {"X-Forwarded-For": ""},
]
OTHER_HOSTS = [
    "pay.example",
    "evil.example",
    "abcdefghij.onion",
    "203.0.113.7:8402",
    "192.168.1.5",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evil.example:127",
    "127.0.0.1@evil.example",
    "[",
    "",
]
OWN_HOSTS = ["127.0.0.1", "localhost:8402", "LOCALHOST", "[::1]:8402", "127.0.0.5:1"]


async def told(site: Site, url: str, headers: dict[str, str]) -> bool:
    """Whether these headers open the figures, and with them what is wrong."""
    async with site.session.get(f"{url}/metrics", headers=headers) as response:
        figures = "tuppence_revenue_msat" in await response.text()
        assert response.status == (200 if figures else 401)
    async with site.session.get(f"{url}/readyz", headers=headers) as response:
        assert ("wrong" in await response.text()) is figures
    return figures


async def test_a_forwarded_request_or_one_to_another_host_is_not_local(site: Site) -> None:
    site.core.state = NodeState.LOCKED
    for headers in [*PASSED_ON, *({"Host": host} for host in OTHER_HOSTS)]:
        assert not await told(site, site.url, headers), headers
    for host in OWN_HOSTS:
        assert await told(site, site.url, {"Host": host}), host


@pytest.mark.parametrize("public_url", ["https://pay.example", "http://abc.onion", "http://192.168.1.5:8402"])
async def test_a_gateway_with_a_public_host_treats_no_connection_as_local(site: Site, public_url: str) -> None:
    public = with_fields(site.gateway, public_url=public_url)
    async with serve_app(build_app(public)) as url:
        for host in [*OWN_HOSTS, *OTHER_HOSTS]:
            assert not await told(site, url, {"Host": host}), host
    closed = with_fields(public, metrics_token="s" * 20)
    async with serve_app(build_app(closed)) as url:
        assert await told(site, url, {"Host": "pay.example", "Authorization": "Bearer " + "s" * 20})
        assert not await told(site, url, {"Authorization": "Bearer x"})


@pytest.mark.parametrize("token", ["", "s" * 20])
async def test_a_request_on_the_admin_socket_is_local(site: Site, token: str) -> None:
    public = with_fields(site.gateway, public_url="https://pay.example", metrics_token=token)
    async with serve_admin(build_app(public), public.config):
        connector = aiohttp.UnixConnector(str(public.config.admin_socket))
        async with aiohttp.ClientSession(connector=connector) as session:
            for path, words in (("/metrics", "tuppence_revenue_msat"), ("/readyz", "wrong")):
                async with session.get(f"http://localhost{path}") as response:
                    assert words in await response.text()
