"""A TCP proxy that does to connections what networks do: swallow, reset, slice, delay and forget."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

# Closing with a linger of nothing sends RST.
_NO_LINGER = struct.pack("ii", 1, 0)
_CHUNK_BYTES = 65_536


class TcpProxy:
    """Listens at `target` on loopback and passes bytes on to `upstream`, both host:port.

    `chunk_bytes` 1 slices everything into single bytes; `delay_seconds` is how long each piece is on its way; a
    connection on which nothing passes for `idle_seconds` is cut, as proxies do.
    """

    def __init__(self, upstream: str) -> None:
        self.target = ""
        self.connections = 0
        self.chunk_bytes = _CHUNK_BYTES
        self.delay_seconds = 0.0
        self.idle_seconds: float | None = None
        self._host, _, port = upstream.rpartition(":")
        self._port = int(port)
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._refusing = self._losing_answers = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    def swallow(self) -> None:
        """Pass nothing on, acknowledge everything, close nothing."""
        self._flowing.clear()

    def refuse(self) -> None:
        """End every connection, and each new one at once."""
        self._refusing = True
        self._cut()

    def lose_answers(self) -> None:
        """Pass requests on; end a connection in place of passing its answer."""
        self._losing_answers = True

    def pass_on(self) -> None:
        """Pass on again, on new connections only: a NAT that forgot the old ones."""
        self._cut()
        self._refusing = self._losing_answers = False
        self._flowing.set()

    def _cut(self) -> None:
        for task in self._tasks:
            task.cancel()

    def forget(self) -> None:
        """Swallow what is connected for good, and pass new connections: a NAT that lost its table and says nothing."""
        self._flowing.clear()
        self._flowing = asyncio.Event()
        self._flowing.set()

    def reset(self) -> None:
        """Reset every connection, on both sides, in the middle of whatever passes."""
        for writer in self._writers:
            tcp: socket.socket = writer.get_extra_info("socket")
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        for task in self._tasks:
            task.cancel()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            if self._refusing:
                return
            await self._join(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            self._writers.discard(writer)
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        flowing = self._flowing
        await flowing.wait()
        up_reader, up_writer = await asyncio.open_connection(self._host, self._port)
        self._writers.add(up_writer)
        try:
            async with asyncio.TaskGroup() as group:
                ends = [
                    group.create_task(self._pump(reader, up_writer, flowing, asked=True)),
                    group.create_task(self._pump(up_reader, writer, flowing, asked=False)),
                ]
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                for end in ends:
                    end.cancel()
        finally:
            self._writers.discard(up_writer)
            up_writer.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flowing: asyncio.Event, *, asked: bool
    ) -> None:
        with suppress(OSError, TimeoutError):
            while data := await asyncio.wait_for(reader.read(_CHUNK_BYTES), self.idle_seconds):
                for start in range(0, len(data), self.chunk_bytes):
                    await asyncio.sleep(self.delay_seconds)
                    await flowing.wait()
                    if self._losing_answers and not asked:
                        return
                    writer.write(data[start : start + self.chunk_bytes])
                    await writer.drain()


@asynccontextmanager
async def tcp_proxy(upstream: str) -> AsyncIterator[TcpProxy]:
    """A proxy before `upstream` (host:port), closed at the end."""
    proxy = TcpProxy(upstream)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    proxy.target = f"{host}:{port}"
    try:
        yield proxy
    finally:
        server.close()
        proxy.pass_on()
        await server.wait_closed()
