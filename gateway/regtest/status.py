"""The status of a network: its processes, their block heights, and the balances of their channels."""

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
    """One channel from the side of one node: its partner, and the balance of each side in sat."""

    partner: str
    local_sat: int
    remote_sat: int
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessStatus:
    """One process of the network; values that it does not report, being down or still starting, are None."""

    name: str
    pid: int | None
    ports: Ports
    height: int | None = None
    synced: bool | None = None
    channels: tuple[ChannelBalance, ...] = ()


async def status(folder: Path) -> tuple[ProcessStatus, ...]:
    """The status of btcd and of every node. Raises RegtestError if there is no network."""
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
