"""The command `tuppence`."""

import errno
import os
import signal
import sys
import traceback
from collections.abc import Coroutine
from functools import cache
from types import TracebackType
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from gateway import __version__
from gateway.errors import TuppenceError
from gateway.terminal import discard_output, escape_unencodable, say, warn, warn_lines

T = TypeVar("T")

# The base of what typer says about what was typed; it has no public name.
Mistyped: type[Exception] = typer.BadParameter.mro()[2]

app = typer.Typer(
    name="tuppence",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A self-hosted Lightning micropayment gateway. Try `tuppence demo`; `tuppence doctor` checks a real node.",
)


def _say_version(asked: bool) -> None:  # noqa: FBT001  # typer's form
    if asked:
        say(f"tuppence {__version__}")
        raise typer.Exit


VERSION = typer.Option("--version", help="Print the version and stop.", is_eager=True, callback=_say_version)


@app.callback()
def _options(_version: Annotated[bool, VERSION] = False) -> None: ...  # noqa: FBT002  # typer's form


def main() -> None:
    """Run the command; what goes wrong is a line that says what to do, and an exit status that is not 0."""
    escape_unencodable()
    sys.excepthook = _tell_defect
    try:
        status = typer.main.get_command(commands())(standalone_mode=False)
    except TuppenceError as error:
        _fail(error.code, error.detail)
    except Mistyped as error:
        _explain(error)
    except OSError as error:
        _tell_refusal(error)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    sys.exit(status if isinstance(status, int) else 0)


@cache
def commands() -> typer.Typer:
    """The whole command line."""
    from gateway.cli.books import add_to as add_books
    from gateway.cli.catalog import add_to as add_catalog
    from gateway.cli.database import add_to as add_database
    from gateway.cli.demo import add_to as add_demo
    from gateway.cli.doctor.command import add_to as add_doctor
    from gateway.cli.embed import add_to as add_embed
    from gateway.cli.keys import add_to as add_keys
    from gateway.cli.nodes import add_to as add_nodes
    from gateway.cli.regtest import add_to as add_regtest
    from gateway.cli.sealing.command import add_to as add_seal
    from gateway.cli.serve import add_to as add_serve

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
        add_regtest,
    ):
        add_to(app)
    return app


def _fail(code: str, detail: str) -> NoReturn:
    warn_lines((code, "bold red"), f" {detail}")
    sys.exit(1)


def _explain(error: Any) -> NoReturn:
    """What was typed is not a command: its usage and what is wrong. A group alone has printed its help already."""
    if type(error).__name__ != "NoArgsIsHelpError":
        if error.ctx is not None:
            warn_lines(error.ctx.get_usage())
            warn(f"Try '{error.ctx.command_path} --help' for help.")
        warn(("Error", "bold red"), f": {error.format_message()}")
    sys.exit(error.exit_code)


def _tell_refusal(error: OSError) -> NoReturn:
    if error.errno == errno.EPIPE:
        discard_output()
        sys.exit(1)
    where = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
    _fail("system_refused", f"{where}{error.strerror or type(error).__name__}.")


def _tell_defect(kind: type[BaseException], error: BaseException, _: TracebackType | None) -> None:
    """A short line for what nobody expected: its own words may hold secrets, and are shown to who asks for them."""
    if os.environ.get("TUPPENCE_LOG_LEVEL") == "debug":
        warn_lines("".join(traceback.format_exception(error)).rstrip())
    place = traceback.extract_tb(error.__traceback__)[-1]
    warn(("defect", "bold red"), f" {kind.__name__} at {os.path.basename(place.filename)}:{place.lineno}.")  # noqa: PTH119
    warn(
        "This is a fault in Tuppence: please report it with this line and the command that you typed. "
        "TUPPENCE_LOG_LEVEL=debug shows where it happened; take out what is secret before you pass that on."
    )


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine, on uvloop where that is installed; SIGTERM cancels it as Ctrl-C does."""
    import asyncio

    try:
        try:
            import uvloop
        except ImportError:
            return asyncio.run(_cancelled_by_sigterm(work))
        return uvloop.run(_cancelled_by_sigterm(work))
    except asyncio.CancelledError as error:
        raise KeyboardInterrupt from error


async def _cancelled_by_sigterm(work: Coroutine[Any, Any, T]) -> T:
    import asyncio

    task = asyncio.current_task()
    assert task is not None, "a coroutine runs in a task"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await work
