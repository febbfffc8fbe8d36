"""Builds the web application of a gateway and serves it on the listen address and the admin socket."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from gateway.app.gateway import Gateway
from gateway.config import Config
from gateway.errors import Conflict, Unavailable
from gateway.store.files.disk_errors import disk_errors
from gateway.web.api.invoices import REREAD_EVERY, REREAD_SECONDS
from gateway.web.docs import show_docs
from gateway.web.http.application import GATEWAY, PAGES, Pages
from gateway.web.http.bodies import BODY_TIMING, DEFAULT_BODY_TIMING, BodyTiming
from gateway.web.http.connections import CONNECTION_LIMITS, ConnectionLimits, Runner
from gateway.web.http.forwarded import forwarded
from gateway.web.http.middleware import outermost
from gateway.web.http.public_path import add_public_path
from gateway.web.openapi import serve_document
from gateway.web.pages.item import payment_required_page
from gateway.web.pages.problem import not_found_page
from gateway.web.routes import add_routes

SHUTDOWN_SECONDS = 5.0


def build_app(
    gateway: Gateway, *, body_timing: BodyTiming = DEFAULT_BODY_TIMING, reread_seconds: float = REREAD_SECONDS
) -> web.Application:
    """The web application of a gateway; its event streams read their invoice every `reread_seconds`."""
    proxies = gateway.config.trusted_proxies
    middlewares = [outermost, forwarded(proxies)] if proxies else [outermost]
    app = web.Application(middlewares=middlewares, handler_args={"auto_decompress": False})
    app[GATEWAY] = gateway
    app[BODY_TIMING], app[REREAD_EVERY] = body_timing, reread_seconds
    app[PAGES] = Pages(not_found=not_found_page, payment_required=payment_required_page)
    add_routes(app)
    app.router.add_get("/openapi.json", serve_document)
    app.router.add_get("/docs", show_docs)
    add_public_path(app, gateway.config.public_path)
    return app


@asynccontextmanager
async def serve(
    app: web.Application, config: Config, *, limits: ConnectionLimits = CONNECTION_LIMITS
) -> AsyncIterator[str]:
    """Serve on the listen address and the admin socket; yields the URL of the listen address.

    Raises `Conflict` (`address_in_use`).
    """
    async with serve_admin(app, config, limits=limits) as runner:
        try:
            await web.TCPSite(runner, config.listen_host, config.listen_port).start()
        except OSError as error:
            detail = f"{config.listen} cannot be listened on ({error.strerror}); choose another TUPPENCE_LISTEN."
            raise Conflict("address_in_use", detail) from error
        port = next(address[1] for address in runner.addresses if isinstance(address, tuple))
        yield f"http://{config.listen.rpartition(':')[0]}:{port}"


@asynccontextmanager
async def serve_admin(
    app: web.Application, config: Config, *, limits: ConnectionLimits = CONNECTION_LIMITS
) -> AsyncIterator[web.AppRunner]:
    """Serve on the admin socket only."""
    runner = Runner(app, limits=limits, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.SockSite(runner, _bind_admin(config.admin_socket)).start()
        yield runner
    finally:
        # Event streams are ended first, because a graceful shutdown would wait for them.
        app[GATEWAY].hub.close()
        await runner.cleanup()
        config.admin_socket.unlink(missing_ok=True)


def _bind_admin(path: Path) -> socket.socket:
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # A path that is too long for a Unix socket is reported like an error of the disk.
        with disk_errors(path):
            path.unlink(missing_ok=True)
            bound.bind(str(path))
            path.chmod(0o600)
    except Unavailable:
        bound.close()
        raise
    return bound
