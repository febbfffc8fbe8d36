"""The server's connections: their limits (time for a request head, number of unfinished heads) and their loss.

aiohttp limits a request head only by its keep-alive timeout, which has to be longer than that of any proxy. Slow
connections are closed without logging, because anybody can open them.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from gateway.web.http.problems import problem

# nginx keeps an idle connection for 60 s, Caddy for 120 s. The proxy must be the first to close.
IDLE_SECONDS = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """The limits on connections that have not sent a whole request."""

    head_seconds: float = 10.0
    """From the opening of a connection, or the first byte of a later request, to the end of the request's head."""
    check_every_seconds: float = 1.0
    most_unfinished: int = 2_000
    lingering_seconds: float = 2.0
    """The rest of a refused body is read and dropped for this long, or its sender would not see the response."""


CONNECTION_LIMITS = ConnectionLimits()


@contextmanager
def when_lost(request: web.Request, call: Callable[[], None]) -> Iterator[None]:
    """Call a function once if the connection of this request is lost meanwhile, or was lost before."""
    connection = request.protocol
    assert isinstance(connection, _Connection), "the application is served by `Runner`"
    if request.transport is None:
        call()
    connection.on_loss = call
    try:
        yield
    finally:
        connection.on_loss = None


class Runner(web.AppRunner):
    """An `AppRunner` whose server limits its connections."""

    def __init__(self, app: web.Application, *, limits: ConnectionLimits = CONNECTION_LIMITS, **options: Any) -> None:
        super().__init__(app, **options)
        self._limits = limits

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(
            made.request_handler,
            limits=self._limits,
            request_factory=made.request_factory,
            access_log=None,
            keepalive_timeout=IDLE_SECONDS,
            lingering_time=self._limits.lingering_seconds,
            auto_decompress=False,
        )


class _Server(web.Server):
    """Tracks the connections whose next request head is incomplete, oldest first."""

    def __init__(self, *arguments: Any, limits: ConnectionLimits, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._limits = limits
        self._heads: dict[_Connection, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)

    def begin_head(self, connection: "_Connection") -> None:
        """Start the time limit of a head; close the oldest such connection if there are too many."""
        self._heads.setdefault(connection, self._loop.time())
        if len(self._heads) > self._limits.most_unfinished:
            self._close(next(iter(self._heads)))
        if self._timer is None:
            self._timer = self._loop.call_later(self._limits.check_every_seconds, self._close_late)

    def end_head(self, connection: "_Connection") -> None:
        """Stop the time limit: the head is complete, or its connection was lost."""
        self._heads.pop(connection, None)

    def _close_late(self) -> None:
        latest = self._loop.time() - self._limits.head_seconds
        while self._heads and next(iter(self._heads.values())) <= latest:
            self._close(next(iter(self._heads)))
        self._timer = self._loop.call_later(self._limits.check_every_seconds, self._close_late) if self._heads else None

    def _close(self, connection: "_Connection") -> None:
        del self._heads[connection]
        connection.force_close()


class _Connection(RequestHandler):
    """A connection that reports the start and the end of each request head, and its loss."""

    __slots__ = ("_server", "on_loss")

    def __init__(self, server: _Server, **options: Any) -> None:
        super().__init__(server, **options)
        self._server = server
        self.on_loss: Callable[[], None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._server.begin_head(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._server.end_head(self)
        super().connection_lost(exc)
        if self.on_loss is not None:
            self.on_loss()

    def data_received(self, data: bytes) -> None:
        before = self._request_count
        super().data_received(data)
        if self._request_count != before:
            self._server.end_head(self)
        elif self._waiter is not None:
            # No request is being handled: these bytes begin a head.
            self._server.begin_head(self)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer a malformed request with a problem document, without logging it."""
        # A ValueError here comes from bytes in a head that aiohttp fails to parse.
        if status != 400 and not isinstance(exc, ValueError):
            return super().handle_error(request, status, exc, message)
        response = problem(400, "request_malformed", "This is no request that can be read; send HTTP/1.1 (RFC 9112).")
        response.force_close()
        return response
