"""The channels of the network: opens them, and waits until they are active."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import grpc
from lndgrpc.compiled import lightning_pb2

from gateway.regtest.chain import Chain
from gateway.regtest.names import NodeName
from gateway.regtest.node import Node
from gateway.regtest.process import until
from gateway.regtest.state import NetworkState

OPEN_SECONDS = 60.0
MEET_SECONDS = 2.0
# A channel is announced after six confirmations, so that the reader learns of the one behind the merchant.
CONFIRMATIONS = 6
COINS = 3
FEE_SAT_PER_VBYTE = 2
# Errors of LND when the peer has disconnected again (of two connections one is dropped), or has not processed the
# newest block yet. No channel was started then, and its coins are free.
NOT_YET = ("is not online", "disconnected", "Synchronizing blockchain")


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One channel to open; half of its capacity is pushed to the other side."""

    opener: NodeName
    partner: NodeName
    capacity_sat: int


# Two between reader and merchant: each carries at most 483 payments in flight in a direction.
CHANNELS = (
    Channel(opener="reader", partner="merchant", capacity_sat=16_000_000),
    Channel(opener="reader", partner="merchant", capacity_sat=16_000_000),
    Channel(opener="merchant", partner="creator", capacity_sat=10_000_000),
)


async def fund(nodes: Mapping[NodeName, Node], state: NetworkState, chain: Chain) -> None:
    """Fund every node and open every channel; the chain must have its first blocks."""
    # Channels are opened concurrently, and each needs a confirmed coin of its own.
    addresses = [await node.new_address() for node in nodes.values() for _ in range(COINS)]
    await chain.give(addresses)
    await _mine(chain, nodes, blocks=1)
    await connect_peers(nodes, state)
    await asyncio.gather(
        *(
            _open(nodes[channel.opener], nodes[channel.partner], state.ports[channel.partner].peer, channel)
            for channel in CHANNELS
        )
    )
    await _mine(chain, nodes, blocks=CONFIRMATIONS)
    await wait_for_channels(nodes)
    await asyncio.gather(*(_wait_for_graph(node) for node in nodes.values()))


async def connect_peers(nodes: Mapping[NodeName, Node], state: NetworkState) -> None:
    """Connect the partners of every channel now; after a restart LND would wait before it reconnects."""
    partners = {(channel.opener, channel.partner) for channel in CHANNELS}
    await asyncio.gather(*(_meet(nodes[one], nodes[other], state.ports[other].peer) for one, other in partners))


async def wait_for_channels(nodes: Mapping[NodeName, Node]) -> None:
    """Wait until every node reports all its channels active. Raises RegtestError after a minute."""
    await asyncio.gather(*(_wait_for_active(name, node) for name, node in nodes.items()))


async def _meet(node: Node, partner: Node, port: int) -> None:
    key, own_key = (await partner.info()).identity_pubkey, (await node.info()).identity_pubkey
    address = lightning_pb2.LightningAddress(pubkey=key, host=f"127.0.0.1:{port}")
    request = lightning_pb2.ConnectPeerRequest(addr=address)

    async def have_met() -> bool:
        if not await _has_peer(node, key):
            # Fails if the other side connected first or did not answer; the wait below decides.
            with suppress(grpc.aio.AioRpcError):
                await node.lightning.ConnectPeer(request, timeout=MEET_SECONDS)
        return await _has_peer(node, key) and await _has_peer(partner, own_key)

    await until(have_met, seconds=OPEN_SECONDS, what="a connection between two nodes")


async def _has_peer(node: Node, key: str) -> bool:
    answer = await node.lightning.ListPeers(lightning_pb2.ListPeersRequest(), timeout=OPEN_SECONDS)
    return key in {peer.pub_key for peer in answer.peers}


async def _wait_for_active(name: NodeName, node: Node) -> None:
    expected = sum(name in {channel.opener, channel.partner} for channel in CHANNELS)

    async def are_active() -> bool:
        request = lightning_pb2.ListChannelsRequest(active_only=True)
        answer = await node.lightning.ListChannels(request, timeout=OPEN_SECONDS)
        return len(answer.channels) >= expected

    await until(are_active, seconds=OPEN_SECONDS, what=f"{expected} active channels at the {name}")


async def _wait_for_graph(node: Node) -> None:
    async def knows_all() -> bool:
        answer = await node.lightning.DescribeGraph(lightning_pb2.ChannelGraphRequest(), timeout=OPEN_SECONDS)
        known = [edge for edge in answer.edges if edge.HasField("node1_policy") and edge.HasField("node2_policy")]
        return len(known) >= len(CHANNELS)

    await until(knows_all, seconds=OPEN_SECONDS, what="every channel in a node's graph")


async def _open(opener: Node, partner: Node, port: int, channel: Channel) -> None:
    request = lightning_pb2.OpenChannelRequest(
        node_pubkey=bytes.fromhex((await partner.info()).identity_pubkey),
        local_funding_amount=channel.capacity_sat,
        push_sat=channel.capacity_sat // 2,
        sat_per_vbyte=FEE_SAT_PER_VBYTE,
    )

    async def is_open() -> bool:
        await _meet(opener, partner, port)
        try:
            await opener.lightning.OpenChannelSync(request, timeout=OPEN_SECONDS)
        except grpc.aio.AioRpcError as error:
            if any(words in (error.details() or "") for words in NOT_YET):
                return False
            raise
        return True

    await until(is_open, seconds=OPEN_SECONDS, what="a channel between two nodes")


async def _mine(chain: Chain, nodes: Mapping[NodeName, Node], *, blocks: int) -> None:
    height = await chain.mine(blocks)
    await asyncio.gather(*(wait_for_height(node, height) for node in nodes.values()))


async def wait_for_height(node: Node, height: int) -> None:
    """Wait until the node has processed the chain up to this height. Raises RegtestError after a minute."""

    async def is_synced() -> bool:
        return await node.is_synced(height)

    await until(is_synced, seconds=OPEN_SECONDS, what=f"a node at block {height}")
