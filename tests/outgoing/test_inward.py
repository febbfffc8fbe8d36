"""No address of this machine or its networks is connected to, whoever names it and however it is written (A21)."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientConnectorError

from gateway.errors import Invalid, TuppenceError, Unavailable
from gateway.outgoing.client import open_outgoing
from gateway.outgoing.guard import GuardedNames, InwardAddress, Names, look_up_name
from tests.outgoing.hosts import REDIRECTS, World, inward_addresses, open_world
from tests.support.public_network import PUBLIC_IPV4, PUBLIC_IPV6

INWARD = tuple(inward_addresses())
# Hosts that some resolver or parser reads as an address or a name of the own machine.
WRITTEN_INWARD = (
    *("2130706433", "0x7f000001", "0X7F.1", "017700000001", "0177.0.0.1", "127.1", "127.0.1", "0", "0x0", "00.0.0.0"),
    *("127.0.0.1.", "127.0.0.1..", "1.1.1.1.127.0.0.1", "127.0.0.0x1", "256.1.1.1", "4294967297", "3232235777"),
    *("localhost", "LOCALHOST.", "a.localhost", "localhost.corp.internal", "printer.local", "nas", "db.internal"),
    *("router.home.arpa", "expyuzz4wqqyqhjn.onion", "a.alt", "①②⑦.⓪.⓪.①", "127。0。0。1", "１２７.0.0.1", "[::1%25lo]"),
    *("[::1%lo]", "[fe80::1%25eth0]", "[::1", "::1", "[127.0.0.1]", "[v1.::1]", "%31%32%37.0.0.1", "a%00.example"),
    *(
        "pay.example@127.0.0.1",
        "127.0.0.1\\@pay.example",
        "127.0.0.1:443:80",
        "",
        ".",
        "a..b",
        "-a.example",
        "ä.example",
    ),
)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as opened:
        yield opened


async def refusals(world: World, urls: Iterable[str]) -> dict[str, str]:
    """The code of each refusal; what is not refused is "answered"."""
    codes = {}
    for url in urls:
        try:
            await world.outgoing.get(url)
            codes[url] = "answered"
        except TuppenceError as refusal:
            codes[url] = refusal.code
    return codes


async def test_a21_a_literal_or_a_host_that_others_read_as_inward_is_refused_and_not_resolved(world: World) -> None:
    literals = [f"[{address}]" if ":" in address else address for address in INWARD]
    urls = [f"https://{host}/" for host in (*literals, *WRITTEN_INWARD)]
    assert await refusals(world, urls) == dict.fromkeys(urls, "url_refused")
    assert (world.network.dialed, world.network.resolved) == ([], [])


@pytest.mark.parametrize("others", [[], [PUBLIC_IPV4, PUBLIC_IPV6]], ids=["alone", "among_public_ones"])
async def test_a21_a_name_of_which_one_address_is_inward_is_refused_whole(world: World, others: list[str]) -> None:
    names = {f"n{n}.example": [[*others, address]] for n, address in enumerate(INWARD)}
    world.network.names |= names
    urls = [f"https://{name}/" for name in names]
    assert await refusals(world, urls) == dict.fromkeys(urls, "host_inward")
    assert world.network.dialed == []


async def test_a21_a_name_that_is_rebound_after_it_was_judged_is_connected_to_where_it_was_judged(world: World) -> None:
    for address in INWARD:
        world.network.names["rebinding.example"] = [[PUBLIC_IPV4], [address]]
        assert await refusals(world, ["https://rebinding.example/"]) == {"https://rebinding.example/": "answered"}
        assert world.network.resolved == ["rebinding.example"]
        for _ in range(2):
            assert await refusals(world, ["https://rebinding.example/"]) == {
                "https://rebinding.example/": "host_inward"
            }
        assert world.network.dialed == [(PUBLIC_IPV4, 443)]
        world.network.resolved.clear()
        world.network.dialed.clear()


async def test_a21_a_redirect_is_not_followed_wherever_it_leads(world: World) -> None:
    leads = ("http://127.0.0.1/", "https://[::1]/", "//10.0.0.1/", "/", "https://other.example/")
    urls = [f"https://pay.example/redirect/{status}?to={to}" for status in REDIRECTS for to in leads]
    assert await refusals(world, urls) == dict.fromkeys(urls, "host_redirects")
    assert {address for address, _ in world.network.dialed} <= {PUBLIC_IPV4, PUBLIC_IPV6}
    assert set(world.network.resolved) == {"pay.example"}


NO_ADDRESS = (
    *("http://pay.example/", "ftp://pay.example/", "file:///etc/passwd", "gopher://pay.example/", "//pay.example/"),
    *("https:/pay.example", "https:pay.example", "pay.example", "", "https://pay.example:0/", "https://pay.example:/"),
    *("https://pay.example:65536/", "https://pay.example:+443/", "https://pay.example:443a/", "https://pay.example\n/"),
    *("https://pay.example/a b", "https://pay.example/\r\nHost: b", " https://pay.example/", "https://pay.example/ü"),
    *("https://a:b@pay.example/", "https://@pay.example/", f"https://pay.example/{'a' * 4096}"),
    f"https://{'a' * 64}.example/",
)


async def test_a21_what_is_no_plain_https_address_is_refused(world: World) -> None:
    assert await refusals(world, NO_ADDRESS) == dict.fromkeys(NO_ADDRESS, "url_refused")
    assert (world.network.dialed, world.network.resolved) == ([], [])


@asynccontextmanager
async def listener(host: str = "127.0.0.1") -> AsyncIterator[tuple[int, list[str]]]:
    """A port of this machine, and who has connected to it."""
    connected: list[str] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append(str(writer.get_extra_info("peername")))
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        writer.close()

    server = await asyncio.start_server(accept, host, 0)
    async with server:
        yield server.sockets[0].getsockname()[1], connected


HERE = ("127.0.0.1", "127.0.0.2", "0.0.0.0", "::ffff:127.0.0.1", "::1", "::")  # noqa: S104  # to be refused


@pytest.mark.parametrize("address", HERE)
async def test_t16_a_listener_of_this_machine_sees_no_connection(address: str) -> None:
    def look_up(_: str, port: int) -> list[tuple[object, ...]]:
        return list(socket.getaddrinfo(address, port, type=socket.SOCK_STREAM))

    async with listener("0.0.0.0") as (port, connected), open_outgoing((), look_up=look_up) as outgoing:  # noqa: S104
        literal = f"[{address}]" if ":" in address else address
        for url in (f"https://{literal}:{port}/", f"http://{literal}:{port}/", f"https://pay.example:{port}/"):
            with pytest.raises(TuppenceError):
                await outgoing.get(url)
        assert connected == []


async def test_t16_the_same_listener_is_asked_if_the_operator_names_it() -> None:
    async with listener() as (port, connected):
        async with open_outgoing([f"127.0.0.1:{port}", f"localhost:{port}"]) as outgoing:
            assert (await outgoing.get(f"http://127.0.0.1:{port}/")).body == b"ok"
            assert (await outgoing.get(f"http://LOCALHOST.:{port}/")).body == b"ok"
            with pytest.raises(Invalid):
                await outgoing.get(f"http://127.0.0.2:{port}/")
        assert len(connected) == 2


async def test_an_exception_holds_for_its_host_and_port_alone() -> None:
    async with open_world(allow=("lnbits.lan:5000", "127.0.0.1:80")) as world:
        world.network.names |= {"lnbits.lan": [["10.0.0.5"]], "pay.example": [["10.0.0.5"]]}
        for url in (
            "https://lnbits.lan/",
            "https://pay.example:5000/",
            "https://10.0.0.5:5000/",
            "http://127.0.0.1:81/",
        ):
            with pytest.raises(TuppenceError):
                await world.outgoing.get(url)
        assert world.network.dialed == []
        with pytest.raises(Unavailable, match=r"lnbits\.lan"):
            await world.outgoing.get("https://lnbits.lan:5000/")
        assert world.network.dialed == [("10.0.0.5", 5000)]


@pytest.mark.parametrize("name", ["localhost", "127.1", "2130706433", "0x7f000001"])
async def test_the_system_s_own_resolver_is_judged_by_what_it_answers(name: str) -> None:
    names = Names(look_up_name)
    with pytest.raises(InwardAddress):
        await GuardedNames(names).resolve(name, 443)
    await names.close()


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listener() as (port, connected):
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        async with open_world() as world:
            assert (await world.outgoing.get("https://pay.example/")).body == b"hello"
        assert connected == []


async def test_a_literal_is_judged_where_it_is_connected_to_as_well(world: World) -> None:
    """The connector resolves no literal, so a reader of URLs with a hole would be the only guard."""
    with pytest.raises(ClientConnectorError) as failure:
        await world.outgoing._guarded.get("https://127.0.0.1/")
    assert isinstance(failure.value.os_error, InwardAddress)
    assert world.network.dialed == []
