"""Connections to the gateway: how long a head may take, and how many may be unfinished at a time.

aiohttp bounds a head only by its time for an idle connection, which has to be longer than that of every proxy. What is
too slow is closed without a line in the log: anybody can open connections.
"""

import asyncio
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from gateway.web.http.problems import problem

HEAD_SECONDS = 10.0
"""From the opening of a connection, or the first byte of a later request, to the end of the request's head."""
MOST_UNFINISHED = 2_000
LOOK_SECONDS = 1.0
# nginx keeps an idle connection for 60 s, Caddy for 120 s: who closes first must be the proxy.
IDLE_SECONDS = 180.0
# What a refused body still sends is read and dropped for so long, or its sender would not see the answer.
LINGERING_SECONDS = 2.0


class Runner(web.AppRunner):
    """Serves an application with these limits."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(
            made.request_handler,
            request_factory=made.request_factory,
            access_log=None,
            keepalive_timeout=IDLE_SECONDS,
            lingering_time=LINGERING_SECONDS,
            auto_decompress=False,
        )


class _Server(web.Server):
    """The connections whose next head is not whole, oldest first."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._heads: dict[_Connection, float] = {}
        self._look: asyncio.TimerHandle | None = None

    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)

    def begin_head(self, connection: "_Connection") -> None:
        """Expect the rest of a head; the oldest connection goes where there are too many."""
        self._heads.setdefault(connection, self._loop.time())
        if len(self._heads) > MOST_UNFINISHED:
            self._close(next(iter(self._heads)))
        if self._look is None:
            self._look = self._loop.call_later(LOOK_SECONDS, self._close_late)

    def end_head(self, connection: "_Connection") -> None:
        """It is whole, or its connection has gone."""
        self._heads.pop(connection, None)

    def _close_late(self) -> None:
        latest = self._loop.time() - HEAD_SECONDS
        while self._heads and next(iter(self._heads.values())) <= latest:
            self._close(next(iter(self._heads)))
        self._look = self._loop.call_later(LOOK_SECONDS, self._close_late) if self._heads else None

    def _close(self, connection: "_Connection") -> None:
        del self._heads[connection]
        connection.force_close()


class _Connection(RequestHandler):
    """One connection."""

    __slots__ = ("_server",)

    def __init__(self, server: _Server, **options: Any) -> None:
        super().__init__(server, **options)
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._server.begin_head(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._server.end_head(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        before = self._request_count
        super().data_received(data)
        if self._request_count != before:
            self._server.end_head(self)
        elif self._waiter is not None:
            # Nobody is answered on it: these bytes begin a head.
            self._server.begin_head(self)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """A request that cannot be read is refused as every other, and without a line in the log."""
        # What is no error of HTTP and does not reach our own handlers is bytes in a head that aiohttp trips over.
        if status != 400 and not isinstance(exc, ValueError):
            return super().handle_error(request, status, exc, message)
        response = problem(400, "request_malformed", "This is no request that can be read; send HTTP/1.1 (RFC 9112).")
        response.force_close()
        return response
