"""A TCP proxy that can turn into a black hole, refuse, or lose answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class TcpProxy:
    """Listens at `target` on loopback and passes bytes on to `upstream`, both host:port."""

    def __init__(self, upstream: str) -> None:
        self.target = ""
        self.connections = 0
        self._host, _, port = upstream.rpartition(":")
        self._port = int(port)
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._refusing = self._losing_answers = False
        self._tasks: set[asyncio.Task[None]] = set()

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

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if self._refusing:
                return
            await self._join(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._flowing.wait()
        up_reader, up_writer = await asyncio.open_connection(self._host, self._port)
        try:
            async with asyncio.TaskGroup() as group:
                ends = [
                    group.create_task(self._pump(reader, up_writer, asked=True)),
                    group.create_task(self._pump(up_reader, writer, asked=False)),
                ]
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                for end in ends:
                    end.cancel()
        finally:
            up_writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, asked: bool) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._flowing.wait()
                if self._losing_answers and not asked:
                    return
                writer.write(data)
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
