"""Hosts that others name get little time, little room and no trust."""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Unavailable
from gateway.outgoing.client import MOST_BYTES, PATIENCE_SECONDS, open_outgoing
from tests.outgoing.hosts import open_world
from tests.support.clock import until
from tests.support.public_network import CERTIFIED, PUBLIC_IPV4, PUBLIC_IPV6, client_context, host_context

SHORT_SECONDS = 0.2


async def test_a_public_host_is_asked_at_an_address_that_its_name_has() -> None:
    async with open_world() as world:
        answer = await world.outgoing.get("https://PAY.example./?a=1#fragment")
        assert (answer.status, answer.body) == (404, b"hello")
        assert world.network.dialed[0] in {(PUBLIC_IPV4, 443), (PUBLIC_IPV6, 443)}


@pytest.mark.parametrize("host", [PUBLIC_IPV4, f"[{PUBLIC_IPV6}]", f"[{PUBLIC_IPV6.upper()}]"])
async def test_a_public_literal_is_asked_if_its_certificate_says_so(host: str) -> None:
    async with open_world() as world:
        assert (await world.outgoing.get(f"https://{host}/")).body == b"hello"


async def test_a_network_that_reaches_ipv4_by_nat64_only_reaches_public_hosts() -> None:
    async with open_world() as world:
        world.network.names["pay.example"] = [[f"64:ff9b::{PUBLIC_IPV4}"]]
        assert (await world.outgoing.get("https://pay.example/")).body == b"hello"


@pytest.mark.parametrize("path", ["/echo/a%2Fb/../c?x=%20+%C3%BC&y=&x=<>\"'|", "/echo//?&", "/echo%61"])
async def test_path_and_query_are_sent_as_they_were_written(path: str) -> None:
    async with open_world() as world:
        assert (await world.outgoing.get(f"https://pay.example{path}")).body.decode() == path


async def test_no_cookie_is_kept_and_nothing_of_us_is_sent_but_a_name() -> None:
    async with open_world() as world:
        for _ in range(2):
            await world.outgoing.get("https://pay.example/")
        assert [sorted(asked) for asked in world.host.asked] == [
            ["Accept", "Accept-Encoding", "Connection", "Host", "User-Agent"]
        ] * 2


async def test_an_answer_has_64_kib_at_most() -> None:
    async with open_world() as world:
        for count in (0, MOST_BYTES):
            assert len((await world.outgoing.get(f"https://pay.example/sized/{count}")).body) == count
        with pytest.raises(Unavailable) as refusal:
            await world.outgoing.get(f"https://pay.example/sized/{MOST_BYTES + 1}")
        assert refusal.value.code == "host_answer_too_large"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/silent", "host_away"),
        ("/stops", "host_away"),
        ("/endless", "host_answer_too_large"),
        ("/compressed", "host_answer_encoded"),
    ],
)
async def test_a_host_that_is_silent_slow_endless_or_a_bomb_is_left_soon(path: str, code: str) -> None:
    async with open_world(seconds=SHORT_SECONDS if code == "host_away" else PATIENCE_SECONDS) as world:
        with pytest.raises(Unavailable) as refusal:
            await world.outgoing.get(f"https://pay.example{path}")
        assert refusal.value.code == code
        assert "pay.example" in refusal.value.detail


async def test_a_name_server_that_is_silent_is_left_soon_and_delays_no_other_name() -> None:
    answer = threading.Event()

    def look_up(*_: object) -> list[tuple[object, ...]]:
        answer.wait()
        return []

    async with open_outgoing((), look_up=look_up, seconds=SHORT_SECONDS) as outgoing:
        with pytest.raises(Unavailable) as refusal:
            await outgoing.get("https://pay.example/")
        assert refusal.value.code == "host_away"
        # The loop's own threads, which read files and keys, are free.
        await asyncio.gather(*(asyncio.to_thread(int) for _ in range(64)))
        answer.set()


async def test_eight_name_servers_that_are_silent_keep_no_other_host_from_being_asked() -> None:
    answer = threading.Event()
    async with open_world(seconds=SHORT_SECONDS) as world:

        def look_up(name: str, port: int) -> Sequence[tuple[Any, ...]]:
            if name != "pay.example":
                answer.wait()
            return world.network.look_up(name, port)

        async with open_outgoing(
            (), look_up=look_up, open_socket=world.network.open_socket, tls=client_context()
        ) as outgoing:
            silent = [asyncio.ensure_future(outgoing.get(f"https://silent{n}.example/")) for n in range(8)]
            await until(lambda: threading.active_count() > 8)
            try:
                assert (await outgoing.get("https://pay.example/")).body == b"hello"
            finally:
                answer.set()
            assert {str(each) for each in await asyncio.gather(*silent, return_exceptions=True)} == {
                f"silent{n}.example gives no answer: its name has no address." for n in range(8)
            }


@pytest.mark.parametrize("name", ["nowhere.example", "other.example"])
async def test_a_host_that_has_no_address_or_does_not_listen_is_away(name: str) -> None:
    async with open_world() as world:
        world.network.names["other.example"] = [[PUBLIC_IPV4]]
        world.network.path += ".gone"
        with pytest.raises(Unavailable) as refusal:
            await world.outgoing.get(f"https://{name}/")
        assert refusal.value.code == "host_away"


@pytest.mark.parametrize("certified", [("elsewhere.example",), ("xpay.example",), ("127.0.0.1",), ("*.pay.example",)])
async def test_a_host_without_a_certificate_for_its_name_is_not_asked(certified: tuple[str, ...]) -> None:
    async with open_world(certified=certified) as world:
        with pytest.raises(Unavailable) as refusal:
            await world.outgoing.get("https://pay.example/")
        assert (refusal.value.code, world.host.asked) == ("host_untrusted", [])


@pytest.mark.parametrize("context", [{"days": 0}, {"signed_by_itself": True}], ids=["expired", "signed_by_itself"])
async def test_a_host_with_a_certificate_that_nobody_vouches_for_is_not_asked(context: dict[str, int]) -> None:
    async with open_world(tls=host_context(CERTIFIED, **context)) as world:
        with pytest.raises(Unavailable) as refusal:
            await world.outgoing.get("https://pay.example/")
        assert (refusal.value.code, world.host.asked) == ("host_untrusted", [])


_PIECES = (
    *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 103 Early\r\n\r\n", b"HTTP/1.1 101 Switching\r\n\r\n", b"HTTP/9.9 0 \r\n"),
    *(
        b"Content-Length: -1\r\n",
        b"Content-Length: 5\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Set-Cookie: =;\x00\r\n",
    ),
    *(b"Content-Encoding: br\r\n", b"Location: http://127.0.0.1/\r\n", b": \r\n", b"X: " + b"a" * 9000 + b"\r\n"),
    *(b"\r\n", b"ffffffffff\r\n", b"5\r\nhello\r\n0\r\n\r\n", b"\xff\xfe"),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.sampled_from(_PIECES) | st.binary(max_size=40), max_size=8))
async def test_whatever_a_host_sends_is_an_answer_or_a_refusal(pieces: list[bytes]) -> None:
    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"".join(pieces))
        writer.close()

    async with await asyncio.start_server(send, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with open_outgoing([f"127.0.0.1:{port}"], seconds=SHORT_SECONDS) as outgoing:
            with suppress(Unavailable):
                assert len((await outgoing.get(f"http://127.0.0.1:{port}/")).body) <= MOST_BYTES
