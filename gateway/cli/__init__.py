"""The command `tuppence`: runs a command, and prints errors for people.

Modules of commands import their work inside the function, so that `--help` loads no database, gRPC or HTTP.
"""

import errno
import inspect
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
from gateway.cli.command_group import CommandGroup
from gateway.errors import TuppenceError
from gateway.terminal import discard_output, escape_unencodable, say, warn, warn_lines

T = TypeVar("T")

# The base class of typer's usage errors; it has no public name.
UsageError: type[Exception] = typer.BadParameter.mro()[2]

app = typer.Typer(
    cls=CommandGroup,
    name="tuppence",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A self-hosted Lightning micropayment gateway. Try `tuppence demo`; `tuppence doctor` checks a real node.",
)


def _print_version(asked: bool) -> None:  # noqa: FBT001  # typer's form
    if asked:
        say(f"tuppence {__version__}")
        raise typer.Exit


VERSION = typer.Option("--version", help="Print the version and stop.", is_eager=True, callback=_print_version)


@app.callback()
def _options(_version: Annotated[bool, VERSION] = False) -> None: ...  # noqa: FBT002  # typer's form


def main() -> None:
    """Run the command. An error is printed as a line that says what to do, with an exit status that is not 0."""
    escape_unencodable()
    sys.excepthook = _print_defect
    try:
        status = typer.main.get_command(commands())(standalone_mode=False)
    except TuppenceError as error:
        _fail(error.code, error.detail)
    except UsageError as error:
        _print_usage_error(error)
    except OSError as error:
        _print_os_error(error)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    sys.exit(status if isinstance(status, int) else 0)


@cache
def commands() -> typer.Typer:
    """The whole command line."""
    from gateway.cli import books, catalog, database, demo, embed, keys, nodes, payouts, regtest, serve
    from gateway.cli.doctor import command as doctor
    from gateway.cli.sealing import command as seal

    for module in (serve, catalog, embed, seal, books, payouts, nodes, keys, database, doctor, demo, regtest):
        module.add_to(app)
    _join_lines(app)
    return app


def _join_lines(group: typer.Typer) -> None:
    """Make each paragraph of the help one line, so that it wraps at the width of the terminal."""
    for command in (*group.registered_commands, group.registered_callback):
        if command is not None and command.callback is not None and command.callback.__doc__:
            paragraphs = inspect.cleandoc(command.callback.__doc__).split("\n\n")
            command.help = "\n\n".join(paragraph.replace("\n", " ") for paragraph in paragraphs)
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            _join_lines(inner.typer_instance)


def _fail(code: str, detail: str) -> NoReturn:
    warn_lines((code, "bold red"), f" {detail}")
    sys.exit(1)


def _print_usage_error(error: Any) -> NoReturn:
    """Print a usage error. A group without a command has already printed its help."""
    if type(error).__name__ != "NoArgsIsHelpError":
        if error.ctx is not None:
            warn_lines(error.ctx.get_usage())
            warn(f"Try '{error.ctx.command_path} --help' for help.")
        warn(("Error", "bold red"), f": {error.format_message()}")
    sys.exit(error.exit_code)


def _print_os_error(error: OSError) -> NoReturn:
    if error.errno == errno.EPIPE:
        discard_output()
        sys.exit(1)
    where = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
    _fail("system_refused", f"{where}{error.strerror or type(error).__name__}.")


def _print_defect(kind: type[BaseException], error: BaseException, _: TracebackType | None) -> None:
    """Print an unexpected error as a short line. Its message, which may contain secrets, needs the log level debug."""
    if os.environ.get("TUPPENCE_LOG_LEVEL") == "debug":
        warn_lines("".join(traceback.format_exception(error)).rstrip())
    place = traceback.extract_tb(error.__traceback__)[-1]
    warn(("defect", "bold red"), f" {kind.__name__} at {os.path.basename(place.filename)}:{place.lineno}.")  # noqa: PTH119
    warn(
        "This is a fault in Tuppence: please report it with this line and the command that you typed. "
        "TUPPENCE_LOG_LEVEL=debug shows where it happened; remove secrets before you pass that on."
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
