"""X-Forwarded-For is believed only from trusted proxies, and only for the hop before each."""

from ipaddress import ip_network
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.config import load_config
from gateway.simulator.core import Simulator
from gateway.web.http.forwarded import client_address
from tests.support.clock import FakeClock
from tests.support.rows import a_creator
from tests.support.site import Site, open_site

PROXIES = tuple(ip_network(text) for text in ("10.0.0.0/8", "127.0.0.1", "fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "header", "client"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),
        ("203.0.113.7", ["127.0.0.1"], "203.0.113.7"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6", "198.51.100.1 , 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("fd00::1", ["2001:db8::7"], "2001:db8::7"),
        ("10.0.0.1", ["198.51.100.1, nonsense"], "nonsense"),
        ("10.0.0.1", [""], ""),
        ("10.0.0.1", ["203.0.113.7:51034"], "203.0.113.7"),
        ("10.0.0.1", ["[2001:db8::7]:51034"], "2001:db8::7"),
        ("10.0.0.1", ['"[2001:db8::7%25eth0]"'], "2001:db8::7"),
        ("10.0.0.1", ["6.6.6.6, 198.51.100.1:9, 10.0.0.2:443, [::ffff:10.0.0.3]:1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6, unknown"], "unknown"),
        ("10.0.0.1", ["6.6.6.6,"], ""),
        ("fd00::1%eth0", ["198.51.100.1"], "198.51.100.1"),
        (None, ["198.51.100.1"], None),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_the_client_is_the_nearest_address_that_is_not_a_trusted_proxy(
    peer: str | None, header: list[str], client: str | None
) -> None:
    assert client_address(peer, header, PROXIES) == client


@pytest.mark.parametrize(("proxies", "sold"), [("127.0.0.1", 4), ("10.0.0.0/8", 2)])
async def test_a_forged_address_does_not_evade_the_limits(
    tmp_path: Path, clock: FakeClock, core: Simulator, proxies: str, sold: int
) -> None:
    config = load_config(data_dir=tmp_path, trusted_proxies=proxies, open_invoices_per_client=2)
    async with open_site(config, clock, core) as site:
        await open_shop(site)
        statuses = [
            (await site.call("POST", "/v1/items/welcome/invoices", headers={"X-Forwarded-For": address}))[0]
            for address in ("198.51.100.1", "198.51.100.2", "198.51.100.3", "203.0.113.1", "6.6.6.6, 203.0.113.2")
        ]
    assert statuses.count(201) == sold
    assert set(statuses) == {201, 429}


WRITTEN = {
    "a port": ["{}:51034", "{}:51035"],
    "brackets": ["[{}]:51034", "[{}]"],
    "a mapped address": ["::ffff:{}", "[::ffff:{}]:443"],
    "quotes": ['"{}:51034"', '"{}"'],
    "spaces": ["  {} ", " {}:1 "],
    "others before": ["6.6.6.6, {}:1", "unknown, {}"],
}


@pytest.mark.parametrize("forms", WRITTEN.values(), ids=WRITTEN)
async def test_each_reader_behind_a_proxy_has_limits_of_their_own_however_it_writes_them(
    tmp_path: Path, clock: FakeClock, core: Simulator, forms: list[str]
) -> None:
    config = load_config(data_dir=tmp_path, trusted_proxies="127.0.0.1", open_invoices_per_client=2)
    async with open_site(config, clock, core) as site:
        await open_shop(site)
        for network in range(4):
            headers = [{"X-Forwarded-For": form.format(f"203.0.{network}.7")} for form in [*forms, forms[0]]]
            assert [await buy(site, each) for each in headers] == [201, 201, 429]
            assert await buy(site, {"Forwarded": f'for="203.0.{network}.9:1"'}) == 429
        assert "tuppence_unread_clients_total 0.0" in (await site.call("GET", "/metrics"))[1]


@pytest.mark.parametrize(
    ("proxies", "headers"),
    [
        ("127.0.0.1", {"X-Forwarded-For": "who-knows-whom"}),
        ("127.0.0.1", {"X-Forwarded-For": "198.51.100.1, unknown"}),
        ("127.0.0.1", {"X-Forwarded-For": ""}),
        ("127.0.0.1", {"Forwarded": "for=_hidden"}),
        ("127.0.0.1", {}),
        ("", {"X-Forwarded-For": "198.51.100.1"}),
    ],
)
async def test_unreadable_client_addresses_are_counted_and_logged_once_without_their_value(
    tmp_path: Path, clock: FakeClock, core: Simulator, proxies: str, headers: dict[str, str]
) -> None:
    config = load_config(data_dir=tmp_path, trusted_proxies=proxies, open_invoices_per_client=2)
    with capture_logs() as logs:
        async with open_site(config, clock, core) as site:
            await open_shop(site)
            assert [await buy(site, headers) for _ in range(3)] == [201, 201, 429]
            assert "tuppence_unread_clients_total 3.0" in (await site.call("GET", "/metrics"))[1]
    assert [log["log_level"] for log in logs if log["event"] == "client_address_unread"] == ["warning"]
    assert not any(value and value in str(logs) for value in headers.values())


async def open_shop(site: Site) -> None:
    for name in ("alice", "bob"):
        await site.gateway.catalog.add_creator(a_creator(name))
    await site.sell_text("# A text\n\nFree.\n\nPaid.")


async def buy(site: Site, headers: dict[str, str]) -> int:
    return (await site.call("POST", "/v1/items/welcome/invoices", headers=headers))[0]


@pytest.mark.parametrize("proxies", ["127.0.0.1", ""])
@pytest.mark.parametrize(
    "passed_on", [{"X-Forwarded-For": "127.0.0.1, 203.0.113.7"}, {"X-Forwarded-For": "::1"}, {"Forwarded": "for=::1"}]
)
async def test_a_request_through_a_local_proxy_is_not_local(
    tmp_path: Path, clock: FakeClock, core: Simulator, proxies: str, passed_on: dict[str, str]
) -> None:
    config = load_config(data_dir=tmp_path, trusted_proxies=proxies)
    async with open_site(config, clock, core) as site:
        assert (await site.call("GET", "/metrics", headers=passed_on))[0] == 401
        assert (await site.call("GET", "/metrics"))[0] == 200
