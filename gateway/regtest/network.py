"""A real Lightning network in a folder: btcd and three LND nodes, which tests can stop, crash and restart."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Self

from gateway.regtest import chain as chains
from gateway.regtest import process as processes
from gateway.regtest.channels import connect_peers, fund, wait_for_channels, wait_for_height
from gateway.regtest.credentials import PAYEE_ENV, write_credentials
from gateway.regtest.names import CHAIN, NODE_NAMES, NodeName
from gateway.regtest.node import (
    READY_SECONDS,
    Credentials,
    Node,
    admin_credentials,
    connect,
    node_command,
    write_node_files,
)
from gateway.regtest.process import RegtestError, Report, until
from gateway.regtest.state import NetworkState, Ports, is_free, load_state, save_state

CHAIN_SECONDS = 30.0
PORTS_SECONDS = 15.0


def load_network(folder: Path) -> "Network":
    """The network of this folder, running or not. Raises RegtestError if there is none."""
    folder = folder.resolve()
    state = load_state(folder)
    if state is None or not state.funded:
        raise RegtestError(f"There is no network in {folder}. Start one first: tuppence regtest up")
    return Network(folder, state)


def log_path(folder: Path, name: str) -> Path:
    """The log file of a process."""
    return folder / "logs" / f"{name}.log"


async def stop_all(folder: Path, state: NetworkState) -> bool:
    """Stop every process of a state, nodes before the chain; True if any was running."""
    running = {name: process for name, process in state.processes.items() if processes.is_running(process)}
    # A node whose btcd is gone does not finish its shutdown.
    crash = CHAIN not in running
    nodes = [process for name, process in running.items() if name != CHAIN]
    await asyncio.gather(*(processes.stop(process, crash=crash) for process in nodes))
    if CHAIN in running:
        # Blocks may have been mined by others, with btcctl.
        with suppress(RegtestError):
            await chains.chain_of(folder, state).save()
        await processes.stop(running[CHAIN])
    save_state(folder, replace(state, processes={}))
    return bool(running)


class Network:
    """A network: its processes, and connections to its nodes with all permissions."""

    def __init__(self, folder: Path, state: NetworkState) -> None:
        """Use `up` or `load_network` instead of this constructor."""
        self.folder = folder
        self.state = state
        self.chain = chains.chain_of(folder, state)
        self.started: tuple[str, ...] = ()
        self._nodes: dict[NodeName, Node] = {}

    async def __aenter__(self) -> Self:
        """Enter the context, which closes the connections at its end."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections; the processes keep running."""
        await self.close()

    async def close(self) -> None:
        """Close the connections; the processes keep running."""
        nodes, self._nodes = self._nodes, {}
        for node in nodes.values():
            await node.close()

    def credentials(self, name: NodeName) -> Credentials:
        """The credentials for all calls of a node."""
        return admin_credentials(self.folder, self.state, name)

    async def node(self, name: NodeName) -> Node:
        """A connection to a node, which survives its restarts and is closed with the network."""
        if name not in self._nodes:
            self._nodes[name] = await connect(self.credentials(name))
        return self._nodes[name]

    async def nodes(self) -> dict[NodeName, Node]:
        """Connections to all nodes, by name."""
        return {name: await self.node(name) for name in NODE_NAMES}

    async def mine(self, blocks: int) -> int:
        """Mine blocks and wait until every running node has processed them; returns the new height."""
        height = await self.chain.mine(blocks)
        running = [await self.node(name) for name in NODE_NAMES if self.is_running(name)]
        await asyncio.gather(*(wait_for_height(node, height) for node in running))
        return height

    def is_running(self, name: str) -> bool:
        """Whether a process is running: `btcd` or a node's name."""
        process = self.state.processes.get(name)
        return process is not None and processes.is_running(process)

    async def stop_node(self, name: NodeName, *, crash: bool = False) -> None:
        """Stop one node and wait until it is gone; with `crash` by SIGKILL."""
        process = self.state.processes.get(name)
        if process is not None:
            await processes.stop(process, crash=crash)
        self._note(name, None)

    async def start_node(self, name: NodeName) -> None:
        """Start one node and wait until it is synchronised and all its channels are active."""
        await self._start(name, node_command(self.folder, self.state, name))
        await self._wait_for_nodes([name])
        nodes = await self.nodes()
        if all(self.is_running(other) for other in NODE_NAMES):
            await self._reconnect(nodes)

    async def restart_node(self, name: NodeName, *, crash: bool = False) -> None:
        """Stop one node and start it again; it is ready for payments when this returns."""
        await self.stop_node(name, crash=crash)
        await self.start_node(name)

    async def stop_started(self) -> None:
        """Stop the processes that this object started, nodes first."""
        started, self.started = self.started, ()
        await asyncio.gather(*(self.stop_node(name) for name in NODE_NAMES if name in started))
        if CHAIN in started:
            await processes.stop(self.state.processes[CHAIN])
            self._note(CHAIN, None)

    async def bring_up(self, report: Report) -> None:
        """Start what is not running, open channels if there are none, and wait until payments are possible."""
        if not self.is_running(CHAIN):
            # A node misses blocks if its btcd restarts.
            await stop_all(self.folder, self.state)
            self.state = replace(self.state, processes={})
            report("starting btcd")
            await self._start_chain()
        missing = [name for name in NODE_NAMES if not self.is_running(name)]
        if missing:
            report(f"starting {', '.join(missing)}; each opens its wallet, which costs seconds of computing")
        for name in missing:
            write_node_files(self.folder, self.state, name)
            await self._start(name, node_command(self.folder, self.state, name))
        await self._wait_for_nodes(missing)
        nodes = await self.nodes()
        if not self.state.funded:
            report("opening channels")
            await fund(nodes, self.state, self.chain)
        elif missing:
            report("connecting the nodes to each other")
            await self._reconnect(nodes)
        # A network of an earlier version has none for the payee.
        if missing or not (self.folder / PAYEE_ENV).exists():
            await write_credentials(self.folder, self.state, nodes)
            self._save(replace(self.state, funded=True))

    async def _start_chain(self) -> None:
        chains.write_chain_files(self.folder, self.state)
        with chains.tidy_home():
            await self._start(CHAIN, chains.chain_command(self.folder, self.state))
            await self._until_listening()
        await self.chain.restore()
        # Nodes report a chain whose newest block is hours old as not synchronised.
        await self.chain.mine(1 if self.state.funded else chains.FIRST_BLOCKS)

    async def _until_listening(self) -> None:
        async def is_listening() -> bool:
            self._check_alive(CHAIN)
            return await self.chain.is_listening()

        await until(is_listening, seconds=CHAIN_SECONDS, what="btcd")

    async def _wait_for_nodes(self, names: Iterable[NodeName]) -> None:
        height = await self.chain.height()
        await asyncio.gather(*(self._wait_for_node(name, height) for name in names))

    async def _wait_for_node(self, name: NodeName, height: int) -> None:
        node = await self.node(name)

        async def is_ready() -> bool:
            self._check_alive(name)
            return await node.is_active() and await node.is_synced(height)

        await until(is_ready, seconds=READY_SECONDS, what=f"a ready {name}")

    async def _reconnect(self, nodes: dict[NodeName, Node]) -> None:
        await connect_peers(nodes, self.state)
        await wait_for_channels(nodes)

    async def _start(self, name: str, command: list[str]) -> None:
        ports = self.state.ports[name]
        what = (
            f"free ports {ports.peer} and {ports.rpc}, which {name} needs. End the program that took them, or start "
            "over on other ports (tuppence regtest down --delete)"
        )
        await until(lambda: _are_free(ports), seconds=PORTS_SECONDS, what=what)
        self._note(name, processes.spawn(command, log=log_path(self.folder, name)))
        self.started = (*self.started, name)

    def _check_alive(self, name: str) -> None:
        if not self.is_running(name):
            path = log_path(self.folder, name)
            tail = "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-5:])
            raise RegtestError(f"{name} ended by itself. The end of its log, {path}:\n{tail}")

    def _note(self, name: str, process: processes.Process | None) -> None:
        others = {key: value for key, value in self.state.processes.items() if key != name}
        self._save(replace(self.state, processes=others if process is None else {**others, name: process}))

    def _save(self, state: NetworkState) -> None:
        self.state = state
        save_state(self.folder, state)


async def _are_free(ports: Ports) -> bool:
    return is_free(ports.peer) and is_free(ports.rpc)
