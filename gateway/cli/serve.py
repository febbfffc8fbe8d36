"""`tuppence serve`."""

import gc
import resource
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import typer

from gateway.cli import run
from gateway.cli.presence import makes
from gateway.terminal import say

if TYPE_CHECKING:
    from gateway.config import Config


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="serve")(serve_command)


@makes
def serve_command() -> None:
    """Serve readers until stopped: at 127.0.0.1:8402, with its state in the folder data, where nothing else is said.

    It needs an LND node. TUPPENCE_… variables name it, in the environment or in .env of the working folder:
    docs/reference/configuration.md lists them all.
    """
    from gateway.config import load_config

    gc.disable()
    allow_many_connections()
    run(_serve(load_config()))


def allow_many_connections() -> None:
    """As many as the system lets us have: shells and systemd begin with 1,024 open files, and every waiter is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Some systems say "unlimited" and mean less.
    with suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _serve(config: "Config") -> None:
    from gateway.app.assemble import open_gateway
    from gateway.log import configure_logging, log_uncaught
    from gateway.web.serve import build_app, serve

    configure_logging(config.log_level)
    log_uncaught()
    async with open_gateway(config) as gateway, serve(build_app(gateway), config) as address:
        # What starts us waits for this line.
        await until_stopped(lambda: say(f"ready {address}"))


async def until_stopped(announce: Callable[[], None]) -> None:
    """Announce that the start is over, and wait for SIGINT or SIGTERM."""
    import asyncio

    # What start-up made lives as long as the process: the collector need not walk it, then or later.
    gc.freeze()
    gc.enable()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    announce()
    await stopped.wait()
