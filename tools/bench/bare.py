"""The least that aiohttp can do: one handler, one body, nothing else. What content is compared with."""

import asyncio
import sys

from aiohttp import web

from gateway.cli import run

BODY = b"x" * 1024


def main() -> None:
    """Serve until the input ends; the first line is the address, as JSON."""
    run(_serve())


async def _serve() -> None:
    app = web.Application()
    app.router.add_get("/", _handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sys.stdout.write(f'"http://127.0.0.1:{runner.addresses[0][1]}/"\n')
    sys.stdout.flush()
    await asyncio.Event().wait()


async def _handle(_: web.Request) -> web.Response:
    return web.Response(body=BODY, content_type="text/html")
