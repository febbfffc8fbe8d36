"""Starts and stops a network, or runs one for a block of code."""

import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import grpc

from gateway.regtest.binaries import find_binaries
from gateway.regtest.lock import locked
from gateway.regtest.names import Backend
from gateway.regtest.network import Network, log_path, stop_all
from gateway.regtest.process import RegtestError, Report, silent
from gateway.regtest.state import load_state, new_state, save_state


async def up(folder: Path, *, backend: Backend | None = None, report: Report = silent) -> Network:
    """Start the network, a new one or the one of its saved state; `started` is empty if it was up already.

    `backend` is LND's database, native SQL on SQLite unless said otherwise. Raises RegtestError. Whatever ends this
    call early ends the processes it started.
    """
    folder = folder.resolve()
    async with locked(folder, report):
        state = load_state(folder)
        if state and not state.funded:
            report("removing a network that was never finished")
            await stop_all(folder, state)
            _remove_content(folder)
            state = None
        if state and backend and state.backend != backend:
            raise RegtestError(
                f"The network in {folder} runs on {state.backend}. Remove it first: tuppence regtest down --delete"
            )
        binaries = await find_binaries(report)
        state = replace(state or new_state(backend=backend or "sqlite", binaries=binaries), binaries=binaries)
        save_state(folder, state)
        async with AsyncExitStack() as undo:
            network = Network(folder, state)
            undo.push_async_callback(network.close)
            undo.push_async_callback(network.stop_started)
            undo.callback(report, "stopping what was started")
            log_path(folder, "").parent.mkdir(mode=0o700, exist_ok=True)
            try:
                await network.bring_up(report)
            except grpc.aio.AioRpcError as error:
                raise RegtestError(
                    f"LND answered {error.code().name}: {error.details()}. "
                    "The logs say why: tuppence regtest logs btcd|NODE"
                ) from error
            undo.pop_all()
    return network


async def down(folder: Path, *, delete: bool = False, report: Report = silent) -> bool:
    """Stop the processes of the network and wait until they are gone; True if there were any.

    With `delete` the folder goes too. Raises RegtestError.
    """
    folder = folder.resolve()
    if not folder.exists():
        return False
    async with locked(folder, report):
        state = load_state(folder)
        if state is None:
            return False
        report("stopping the nodes, then btcd")
        stopped = await stop_all(folder, state)
        if delete:
            shutil.rmtree(folder)
    return stopped or delete


@asynccontextmanager
async def open_network(folder: Path, *, backend: Backend = "sqlite", report: Report = silent) -> AsyncIterator[Network]:
    """A network that runs as long as the block, in a folder that is deleted afterwards."""
    network = await up(folder, backend=backend, report=report)
    try:
        yield network
    finally:
        await network.close()
        await down(folder, delete=True, report=report)


def _remove_content(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
