"""`tuppence serve`: runs the gateway."""

import gc
import resource
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import typer

from gateway.cli import run
from gateway.cli.existing_gateway import may_create
from gateway.terminal import say

if TYPE_CHECKING:
    from gateway.config import Config


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="serve")(serve_command)


@may_create
def serve_command() -> None:
    """Run the gateway until it is stopped.

    By default it listens on 127.0.0.1:8402 and keeps its data in the folder data. TUPPENCE_… variables, in the
    environment or in .env of the working folder, configure it and name its LND node:
    docs/reference/configuration.md lists them all.
    """
    from gateway.config import load_config

    gc.disable()
    allow_many_connections()
    run(_serve(load_config()))


def allow_many_connections() -> None:
    """Raise the limit of open files to the most allowed: the usual 1,024 would limit the open event streams."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Some systems report "unlimited" and accept less.
    with suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _serve(config: "Config") -> None:
    from gateway.app.assemble import open_gateway
    from gateway.log import configure_logging, log_uncaught
    from gateway.web.serve import build_app, serve

    configure_logging(config.log_level)
    log_uncaught()
    async with open_gateway(config) as gateway, serve(build_app(gateway), config) as address:
        # Programs that start this command wait for this line.
        await until_stopped(lambda: say(f"ready {address}"))


async def until_stopped(announce: Callable[[], None]) -> None:
    """Call `announce` once the start is complete, and wait for SIGINT or SIGTERM."""
    import asyncio

    # Objects of the start live as long as the process, so the garbage collector can skip them.
    gc.freeze()
    gc.enable()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    announce()
    await stopped.wait()
