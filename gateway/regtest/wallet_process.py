"""Runs the reader's wallet as a separate process, so that the demo does not have its macaroon."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

from gateway.demo.wallet import WalletAway
from gateway.demo.wallet_client import SocketWallet
from gateway.regtest.lock import locked
from gateway.regtest.network import load_network, log_path
from gateway.regtest.process import Process, RegtestError, is_running, silent, spawn, stop, until
from gateway.regtest.state import save_state
from gateway.regtest.wallet_server import SOCKET

WALLET = "wallet"
START_SECONDS = 30.0


@asynccontextmanager
async def open_wallet(folder: Path) -> AsyncIterator[SocketWallet]:
    """The wallet of the network in this folder, served as long as the block lasts. Raises RegtestError."""
    folder = folder.resolve()
    process = await _start(folder)
    wallet = SocketWallet(folder / SOCKET)

    async def answers() -> bool:
        if not is_running(process):
            raise RegtestError(f"The wallet ended by itself. See the end of {log_path(folder, WALLET)}")
        with suppress(WalletAway):
            return await wallet.balance_msat() >= 0
        return False

    try:
        await until(answers, seconds=START_SECONDS, what="the wallet")
        yield wallet
    finally:
        await wallet.close()
        await stop(process)


async def _start(folder: Path) -> Process:
    """Start it as a process of the network: if we are killed, `down` or the next start ends it."""
    command = [sys.executable, "-m", "gateway", "regtest", "wallet", "--folder", str(folder)]
    async with locked(folder, silent), load_network(folder) as network:
        processes = network.state.processes
        if WALLET in processes:
            await stop(processes[WALLET])
        # Not by the event loop, which may be uvloop: it forks, and gRPC sometimes delays a fork by a minute.
        process = spawn(command, log=log_path(folder, WALLET))
        save_state(folder, replace(network.state, processes={**processes, WALLET: process}))
    return process
