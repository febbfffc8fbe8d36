"""The command `tuppence`."""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.text import Text

from gateway import __version__
from gateway.errors import TuppenceError

T = TypeVar("T")

app = typer.Typer(
    name="tuppence",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A self-hosted Lightning micropayment gateway. Try `tuppence demo`; `tuppence doctor` checks a real node.",
)


def _say_version(asked: bool) -> None:  # noqa: FBT001  # typer's form
    if asked:
        typer.echo(f"tuppence {__version__}")
        raise typer.Exit


VERSION = typer.Option("--version", help="Print the version and stop.", is_eager=True, callback=_say_version)


@app.callback()
def _options(_version: Annotated[bool, VERSION] = False) -> None: ...  # noqa: FBT002  # typer's form


def main() -> None:
    """Run the command; an expected refusal is one line that says what to do, and exit status 1."""
    from gateway.cli.books import add_to as add_books  # noqa: PLC0415  # each adds its commands to the app made above
    from gateway.cli.catalog import add_to as add_catalog  # noqa: PLC0415
    from gateway.cli.database import add_to as add_database  # noqa: PLC0415
    from gateway.cli.demo import add_to as add_demo  # noqa: PLC0415
    from gateway.cli.doctor import add_to as add_doctor  # noqa: PLC0415
    from gateway.cli.embed import add_to as add_embed  # noqa: PLC0415
    from gateway.cli.keys import add_to as add_keys  # noqa: PLC0415
    from gateway.cli.nodes import add_to as add_nodes  # noqa: PLC0415
    from gateway.cli.seal import add_to as add_seal  # noqa: PLC0415
    from gateway.cli.serve import add_to as add_serve  # noqa: PLC0415
    from gateway.regtest.commands import app as regtest  # noqa: PLC0415

    for add_to in (
        add_serve,
        add_catalog,
        add_embed,
        add_seal,
        add_books,
        add_nodes,
        add_keys,
        add_database,
        add_doctor,
        add_demo,
    ):
        add_to(app)
    app.add_typer(regtest, name="regtest", help="A real network on this machine: btcd and three LND nodes.")
    try:
        app()
    except TuppenceError as error:
        Console(stderr=True).print(Text.assemble((error.code, "bold red"), " ", error.detail))
        sys.exit(1)
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(130)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine, on uvloop where that is installed; SIGTERM cancels it as Ctrl-C does."""
    try:
        import uvloop  # noqa: PLC0415  # an extra
    except ImportError:
        return asyncio.run(_cancelled_by_sigterm(work))
    return uvloop.run(_cancelled_by_sigterm(work))


async def _cancelled_by_sigterm(work: Coroutine[Any, Any, T]) -> T:
    task = asyncio.current_task()
    assert task is not None, "a coroutine runs in a task"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await work
