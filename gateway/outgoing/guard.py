"""The guard at the moment of connecting: the address that was judged is the one that is connected to."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import ip_address
from typing import Any

from aiohttp import AddrInfoType, SocketFactoryType
from aiohttp.abc import AbstractResolver, ResolveResult

from gateway.outgoing.public_addresses import is_public

LookUp = Callable[[str, int], Sequence[tuple[Any, ...]]]
"""The addresses of a name and port, as `socket.getaddrinfo` gives them. Raises OSError."""

NAME_THREADS = 64
"""As many as payments are made at once: each may wait for a name server of its payee's choice."""

look_up_name: LookUp = partial(socket.getaddrinfo, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)


class InwardAddress(OSError):
    """An address that is not public; nothing was connected to it."""


class Names(AbstractResolver):
    """Resolves names anew for every connection, in threads of its own: a slow name server delays nothing else."""

    def __init__(self, look_up: LookUp) -> None:
        self._look_up = look_up
        self._threads = ThreadPoolExecutor(NAME_THREADS, thread_name_prefix="outgoing-names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        # The connector, which is not told a family, asks for none.
        assert family == socket.AF_UNSPEC
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, self._look_up, host, port)
        return [
            ResolveResult(hostname=host, host=address[0], port=port, family=family, proto=proto, flags=_NUMERIC)
            for family, _, proto, _, address in found
        ]

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class GuardedNames(AbstractResolver):
    """Refuses a name with `InwardAddress` if any of its addresses is inward, so that none of them is tried."""

    def __init__(self, names: Names) -> None:
        self._names = names

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._names.resolve(host, port, family)
        for address in found:
            check_public(address["host"])
        return found

    async def close(self) -> None:
        """The names are closed by who made them."""


def plain_socket(info: AddrInfoType) -> socket.socket:
    """An unconnected socket for an address."""
    return socket.socket(*info[:3])


def guarded_sockets(open_socket: SocketFactoryType) -> SocketFactoryType:
    """Open sockets for public addresses only. Every connection passes here, that of a literal address too."""

    def open_guarded(info: AddrInfoType) -> socket.socket:
        check_public(str(info[4][0]))
        return open_socket(info)

    return open_guarded


def check_public(address: str) -> None:
    """Raise `InwardAddress` unless an address in text is public."""
    if not is_public(ip_address(address)):
        raise InwardAddress(f"{address} is not on the public internet")


_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
