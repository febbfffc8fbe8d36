"""`tuppence regtest`: commands for a real Lightning network on this machine, for development."""

import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer

from gateway.cli import run
from gateway.cli.command_group import CommandGroup
from gateway.regtest.names import CHAIN, NODE_NAMES, Backend
from gateway.terminal import say, show_progress, show_table, warn_lines

if TYPE_CHECKING:
    from gateway.regtest.status import ProcessStatus

T = TypeVar("T")

FOLDER = Path(".tuppence/regtest")
LOG_BYTES = 8_192

regtest = typer.Typer(
    cls=CommandGroup, no_args_is_help=True, help="Run a real network on this machine: btcd and three LND nodes."
)

Folder = Annotated[Path, typer.Option("--folder", help="The folder of the network.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(regtest, name="regtest")


@regtest.command()
def up(
    backend: Annotated[Backend | None, typer.Option(help="LND's database. Default: sqlite.")] = None,
    folder: Folder = FOLDER,
) -> None:
    """Start the network, a new one or the existing one, and write the gateway's tuppence.env."""
    from gateway.regtest.credentials import GATEWAY_ENV
    from gateway.regtest.lifetime import up as bring_up

    async def start(report: Callable[[str], None]) -> tuple[str, ...]:
        async with await bring_up(folder, backend=backend, report=report) as network:
            return network.started

    began = monotonic()
    with show_progress("starting the network") as report:
        started = _run(start(report))
    if started:
        say(f"The network is up, after {monotonic() - began:.0f} s.")
    else:
        say("The network was up already.")
    say(f"The gateway's variables are in {folder}/{GATEWAY_ENV}")


@regtest.command()
def down(
    *,
    delete: Annotated[bool, typer.Option("--delete", help="Remove the network's folder too.")] = False,
    folder: Folder = FOLDER,
) -> None:
    """Stop the network and wait until it is gone."""
    from gateway.regtest.lifetime import down as take_down

    with show_progress("stopping the network") as report:
        stopped = _run(take_down(folder, delete=delete, report=report))
    say("The network is down." if stopped else "The network was down already.")


@regtest.command()
def status(folder: Folder = FOLDER) -> None:
    """Show the processes, their block heights and the channels."""
    from gateway.regtest.status import status as ask

    _show_status(_run(ask(folder)))


@regtest.command()
def mine(
    blocks: Annotated[int, typer.Argument(min=1, max=1000, help="The number of blocks.")] = 1, folder: Folder = FOLDER
) -> None:
    """Mine blocks."""
    from gateway.regtest.network import load_network

    async def make() -> int:
        async with load_network(folder) as network:
            return await network.mine(blocks)

    say(f"The chain is at block {_run(make())}.")


@regtest.command()
def logs(
    name: Annotated[str, typer.Argument(help="btcd, merchant, reader or creator.")],
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Print new lines until Ctrl-C.")] = False,
    folder: Folder = FOLDER,
) -> None:
    """Print the log of a process."""
    from gateway.regtest.network import log_path

    if name not in {CHAIN, *NODE_NAMES}:
        _fail(f"There is no {name}. Say one of: {', '.join((CHAIN, *NODE_NAMES))}")
    path = log_path(folder, name)
    if not path.exists():
        _fail(f"There is no log of {name} in {folder}. Start the network first: tuppence regtest up")
    _run(_show(path, follow=follow))


@regtest.command()
def pay(payment_request: Annotated[str, typer.Argument(help="The invoice, lnbcrt…")], folder: Folder = FOLDER) -> None:
    """Pay an invoice from the reader's node, and print the preimage."""
    from gateway.regtest.wallet import LndWallet

    async def send() -> str:
        async with LndWallet.of_network(folder) as reader:
            return await reader.pay(payment_request)

    say(_run(send()))


@regtest.command()
def wallet(folder: Folder = FOLDER) -> None:
    """Serve the reader's wallet on a Unix socket until Ctrl-C or SIGTERM."""
    import asyncio

    from gateway.regtest.network import load_network
    from gateway.regtest.wallet import LndWallet
    from gateway.regtest.wallet_server import SOCKET, serve_wallet

    async def serve() -> None:
        async with load_network(folder) as network, LndWallet.of_network(network.folder) as reader:
            serving = asyncio.ensure_future(serve_wallet(reader, network.folder / SOCKET, network.chain))
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
            with suppress(asyncio.CancelledError):
                await serving

    _run(serve())


@regtest.command()
def addresses(folder: Folder = FOLDER) -> None:
    """Serve Lightning Addresses that are paid at the creator's node, until Ctrl-C or SIGTERM."""
    from gateway.cli.serve import until_stopped
    from gateway.regtest.payee import serve_payee

    async def serve() -> None:
        async with serve_payee(folder) as host:

            def announce() -> None:
                say(f"ready: every name@{host} is paid at the creator's node.")
                say(f"The gateway needs TUPPENCE_OUTGOING_ALLOW={host}")

            await until_stopped(announce)

    _run(serve())


def _show_status(processes: "tuple[ProcessStatus, ...]") -> None:
    rows = []
    for process in processes:
        row = (
            process.name,
            "down" if process.pid is None else str(process.pid),
            f"{process.ports.peer} {process.ports.rpc}",
            "" if process.height is None else f"{process.height}{' behind' if process.synced is False else ''}",
        )
        channels = [
            f"{channel.partner} {channel.local_sat:,} / {channel.remote_sat:,}{'' if channel.active else ' inactive'}"
            for channel in process.channels
        ]
        rows += [(*row, channel) for channel in channels or [""]]
    show_table(("process", "pid", "ports", "block", "channels: local / remote sat"), rows)


async def _show(path: Path, *, follow: bool) -> None:
    from gateway.regtest.process import until

    with path.open("rb") as log:
        size = log.seek(0, 2)
        log.seek(0 if not follow else max(0, size - LOG_BYTES))
        begun = b""
        while True:
            *lines, begun = (begun + log.read()).split(b"\n")
            for line in (*lines, begun) if begun and not follow else lines:
                say(line.decode(errors="replace"))
            if not follow:
                return

            async def has_grown() -> bool:
                return path.stat().st_size > log.tell()

            await until(has_grown, seconds=float("inf"), what="another line")


def _run(task: Coroutine[Any, Any, T]) -> T:
    import grpc

    from gateway.demo.wallet import WalletError
    from gateway.regtest.process import RegtestError

    try:
        return run(task)
    except grpc.aio.AioRpcError as error:
        _fail(f"LND answered {error.code().name}: {error.details()}. See: tuppence regtest status")
    except (RegtestError, WalletError) as error:
        _fail(str(error))


def _fail(message: str) -> NoReturn:
    warn_lines((message, "red"))
    raise typer.Exit(1)
