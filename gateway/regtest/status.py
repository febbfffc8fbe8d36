"""How a network stands: its processes, how far they have followed the chain, and what their channels hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import grpc
from lndgrpc.compiled import lightning_pb2

from gateway.regtest.channels import OPEN_SECONDS
from gateway.regtest.names import CHAIN, NODE_NAMES, NodeName
from gateway.regtest.network import Network, load_network
from gateway.regtest.node import Node
from gateway.regtest.process import RegtestError
from gateway.regtest.state import Ports


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelBalance:
    """One channel as its holder sees it: who is at the other end, and who has how many sat."""

    partner: str
    local_sat: int
    remote_sat: int
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessStatus:
    """One process of the network; what it does not tell, because it is down or still starting, is None."""

    name: str
    pid: int | None
    ports: Ports
    height: int | None = None
    synced: bool | None = None
    channels: tuple[ChannelBalance, ...] = ()


async def status(folder: Path) -> tuple[ProcessStatus, ...]:
    """Give the state of btcd and of every node; raises RegtestError when there is no network."""
    async with load_network(folder) as network:
        keys: dict[str, str] = {}
        for name in NODE_NAMES:
            if network.is_running(name):
                keys |= await _key_of(name, await network.node(name))
        nodes = [await _node_status(network, name, keys) for name in NODE_NAMES]
        return (await _chain_status(network), *nodes)


async def _key_of(name: str, node: Node) -> dict[str, str]:
    try:
        return {(await node.info()).identity_pubkey: name}
    except grpc.aio.AioRpcError:
        return {}


async def _chain_status(network: Network) -> ProcessStatus:
    height = None
    if network.is_running(CHAIN):
        try:
            height = await network.chain.height()
        except RegtestError:
            height = None
    return ProcessStatus(name=CHAIN, pid=_pid(network, CHAIN), ports=network.state.ports[CHAIN], height=height)


async def _node_status(network: Network, name: NodeName, names: Mapping[str, str]) -> ProcessStatus:
    pid, ports = _pid(network, name), network.state.ports[name]
    if name not in names.values():
        return ProcessStatus(name=name, pid=pid, ports=ports)
    node = await network.node(name)
    info = await node.info()
    answer = await node.lightning.ListChannels(lightning_pb2.ListChannelsRequest(), timeout=OPEN_SECONDS)
    return ProcessStatus(
        name=name,
        pid=pid,
        ports=ports,
        height=info.block_height,
        synced=info.synced_to_chain,
        channels=tuple(
            ChannelBalance(
                partner=names.get(channel.remote_pubkey, channel.remote_pubkey[:8]),
                local_sat=channel.local_balance,
                remote_sat=channel.remote_balance,
                active=channel.active,
            )
            for channel in answer.channels
        ),
    )


def _pid(network: Network, name: str) -> int | None:
    return network.state.processes[name].pid if network.is_running(name) else None
