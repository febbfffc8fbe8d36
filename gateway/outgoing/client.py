"""Asks hosts that others name: over https, without redirects, cookies or proxies, within limits of time and size."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any

from aiohttp import (
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientSSLError,
    ClientTimeout,
    DummyCookieJar,
    ServerDisconnectedError,
    SocketFactoryType,
    TCPConnector,
)

from gateway.errors import Unavailable
from gateway.outgoing.guard import (
    GuardedNames,
    InwardAddress,
    LookUp,
    Names,
    guarded_sockets,
    look_up_name,
    plain_socket,
)
from gateway.outgoing.target import Target, read_target

PATIENCE_SECONDS = 10.0
MOST_BYTES = 65_536
# Nothing is decompressed, so nothing small becomes large.
_HEADERS = {"User-Agent": "Tuppence", "Accept-Encoding": "identity"}
_ENCODINGS = {"", "identity"}
_FAILURES: dict[type[Exception], str] = {
    TimeoutError: "the time for it is over",
    ClientConnectorDNSError: "its name has no address",
    ClientConnectorError: "it cannot be connected to",
    ServerDisconnectedError: "it ended the connection",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A host's answer: its HTTP status, which is no redirect, and at most 64 KiB of body."""

    status: int
    body: bytes


class Outgoing:
    """The client that `open_outgoing` opens."""

    def __init__(self, guarded: ClientSession, excepted: ClientSession, allow: frozenset[str], seconds: float) -> None:
        self._guarded, self._excepted, self._allow, self._seconds = guarded, excepted, allow, seconds

    def check(self, url: str) -> Target:
        """Read a URL without asking anybody. Raises `Invalid` (`url_refused`)."""
        return read_target(url, allow=self._allow)

    async def get(self, url: str) -> Answer:
        """Ask for a URL; nothing is connected to unless its address is public or the operator named host and port.

        Raises `Invalid` as `check` does, and `Unavailable` (`host_inward`, `host_away`, `host_untrusted`,
        `host_redirects`, `host_answer_too_large`, `host_answer_encoded`).
        """
        target = self.check(url)
        session = self._excepted if target.excepted else self._guarded
        try:
            async with asyncio.timeout(self._seconds), session.get(target.url, allow_redirects=False) as response:
                return Answer(response.status, await _read(response, target.host))
        except (ClientError, TimeoutError, ValueError) as error:
            raise _failure(target, error) from error


@asynccontextmanager
async def open_outgoing(
    allow: Iterable[str],
    *,
    look_up: LookUp = look_up_name,
    open_socket: SocketFactoryType = plain_socket,
    tls: SSLContext | None = None,
    seconds: float = PATIENCE_SECONDS,
) -> AsyncIterator[Outgoing]:
    """Open the client; `allow` is what TUPPENCE_OUTGOING_ALLOW names. `tls` trusts the system's authorities if None."""
    names = Names(look_up)
    options: dict[str, Any] = {"ssl": True if tls is None else tls, "use_dns_cache": False, "force_close": True}
    guarded = TCPConnector(resolver=GuardedNames(names), socket_factory=guarded_sockets(open_socket), **options)
    excepted = TCPConnector(resolver=names, socket_factory=open_socket, **options)
    try:
        async with _session(guarded) as outward, _session(excepted) as inward:
            yield Outgoing(outward, inward, frozenset(allow), seconds)
    finally:
        await names.close()


def _session(connector: TCPConnector) -> ClientSession:
    return ClientSession(
        connector=connector,
        headers=_HEADERS,
        cookie_jar=DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        timeout=ClientTimeout(total=None),
    )


async def _read(response: ClientResponse, host: str) -> bytes:
    """The body of an answer that may be read."""
    if 300 <= response.status < 400:
        raise Unavailable("host_redirects", f"{host} sends elsewhere, which is not followed: name where it leads to.")
    if response.headers.get("Content-Encoding", "").lower() not in _ENCODINGS:
        raise Unavailable("host_answer_encoded", f"{host} compresses its answer, though it was asked not to.")
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > MOST_BYTES:
            raise Unavailable("host_answer_too_large", f"{host} sends more than {MOST_BYTES // 1024} KiB.")
    return bytes(body)


def _failure(target: Target, error: Exception) -> Unavailable:
    """Why there is no answer."""
    if isinstance(error.__cause__, InwardAddress):
        return Unavailable(
            "host_inward",
            f"{target.host} leads to an address that is not on the public internet; nothing was asked there. "
            f"The operator can allow it: TUPPENCE_OUTGOING_ALLOW={target.host}:{target.port}",
        )
    if isinstance(error, ClientSSLError):
        return Unavailable(
            "host_untrusted", f"{target.host} has no valid certificate for its name; nothing was asked there."
        )
    what = next((what for kind, what in _FAILURES.items() if isinstance(error, kind)), "it is not HTTP")
    return Unavailable("host_away", f"{target.host} gives no answer: {what}.")
