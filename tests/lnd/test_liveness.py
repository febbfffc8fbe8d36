"""A node that is away, locked or silent: how soon the client notices, what it reports, and how it recovers."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

import pytest

from gateway.errors import Unavailable
from gateway.lnd.client import LndNode
from gateway.lnd.liveness import Timing
from gateway.ports.node import NodeInvoice, NodeState
from gateway.simulator.server import SimulatedLnd
from tests.support.clock import turns, until
from tests.support.nodes.lnd_client import add, client, is_answered, refusal
from tests.support.tcp_proxy import tcp_proxy

# A node that is not there, or not ready -------------------------------------------------------------------------------


async def test_a_node_known_to_be_away_is_refused_without_being_asked(simulated: SimulatedLnd) -> None:
    async with client(simulated, timing=Timing(probe_interval_seconds=3600)) as node:
        await node.probe()
        await simulated.stop()
        assert (await refusal(add(node))).code == "node_away"
        await refusal(node.probe())
        await simulated.start()
        for _ in range(100):
            # Refused before it waits for anything: the first of these has a probe sent, whose answer none of them sees.
            with pytest.raises(Unavailable) as known:
                add(node).send(None)
            assert known.value.code == "node_away"
            assert known.value.retry_after_seconds
    assert list(simulated.core.invoices) == []


async def test_a_node_that_comes_back_is_found_by_asking(simulated: SimulatedLnd, node: LndNode) -> None:
    await simulated.stop()
    assert (await refusal(add(node))).code == "node_away"
    await simulated.start()
    await until(lambda: is_answered(add(node)))


async def test_a_wallet_that_was_never_created_is_told_as_such(simulated: SimulatedLnd, node: LndNode) -> None:
    simulated.core.quirks.has_wallet = False
    await node.probe()
    simulated.core.state = NodeState.LOCKED
    for _ in range(2):
        refused = await refusal(add(node))
        assert (refused.code, "lncli create" in refused.detail) == ("node_locked", True)
    status = await node.status()
    assert (status.state, "lncli create" in status.detail, "unlock" in status.detail) == (NodeState.LOCKED, True, False)


@pytest.mark.parametrize(
    ("state", "code", "hint"),
    [(NodeState.LOCKED, "node_locked", "lncli unlock"), (NodeState.STARTING, "node_starting", "starting")],
)
async def test_locked_and_starting_are_told_apart_from_away(
    simulated: SimulatedLnd, node: LndNode, state: NodeState, code: str, hint: str
) -> None:
    await node.probe()
    simulated.core.state = state
    for _ in range(2):
        refused = await refusal(add(node))
        assert refused.code == code
        assert hint in refused.detail
    assert (await refusal(anext(aiter(node.subscribe())))).code == code
    assert (await node.status()).state is state
    simulated.core.state = NodeState.READY
    await until(lambda: is_answered(add(node)))


async def test_status_tells_absent_syncing_and_ready_apart_and_never_raises_for_a_node_that_is_away(
    simulated: SimulatedLnd, node: LndNode
) -> None:
    ready = await node.status()
    assert (ready.state, ready.network) == (NodeState.READY, "regtest")
    assert ready.identity_pubkey == simulated.core.status().identity_pubkey
    simulated.core.state = NodeState.SYNCING
    syncing = await node.status()
    assert (syncing.state, syncing.identity_pubkey) == (NodeState.SYNCING, ready.identity_pubkey)
    await simulated.stop()
    absent = await node.status()
    assert absent.state is NodeState.ABSENT
    assert "cannot be reached" in absent.detail


async def test_while_a_silent_node_is_asked_again_nobody_else_waits(simulated: SimulatedLnd) -> None:
    async with client(simulated, timing=Timing(add_seconds=0.1, repeat_seconds=60, probe_seconds=60)) as node:
        await node.probe()
        simulated.stall()
        waiting = asyncio.ensure_future(add(node))

        async def is_refused() -> bool:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    return (await refusal(add(node, b"q" * 32))).code == "node_away"
            return False

        await until(is_refused)
        assert not waiting.done()
        simulated.resume()
        await waiting
        await until(lambda: is_answered(add(node, b"q" * 32)))


# The stream -----------------------------------------------------------------------------------------------------------


async def test_a_stream_ends_with_a_reason_when_the_node_restarts(simulated: SimulatedLnd, node: LndNode) -> None:
    async with aclosing(node.subscribe()) as stream:
        await until_subscribed(simulated, node, stream)
        broken = asyncio.ensure_future(anext(stream))
        await simulated.restart()
        assert (await refusal(broken)).code == "node_away"


async def test_a_stream_that_has_silently_died_is_noticed(simulated: SimulatedLnd, node: LndNode) -> None:
    async with aclosing(node.subscribe()) as stream:
        await until_subscribed(simulated, node, stream)
        simulated.stall()
        async with asyncio.timeout(5):
            assert (await refusal(anext(stream))).code == "node_away"
        assert (await refusal(add(node))).code == "node_away"
    simulated.resume()
    await until(lambda: is_answered(add(node)))


async def test_a_black_hole_in_the_network_is_noticed_and_left_by_a_new_connection(simulated: SimulatedLnd) -> None:
    async with tcp_proxy(simulated.target) as proxy, client(simulated, target=proxy.target) as node:
        async with aclosing(node.subscribe()) as stream:
            await until_subscribed(simulated, node, stream)
            proxy.swallow()
            async with asyncio.timeout(5):
                await refusal(anext(stream))
        proxy.pass_on()
        await until(lambda: is_answered(add(node)))
        assert proxy.connections > 1


async def test_a_stream_whose_connection_was_given_up_ends_with_a_reason(simulated: SimulatedLnd) -> None:
    timing = Timing(watch_interval_seconds=3600, grace_seconds=0.1)
    async with client(simulated, timing=timing) as node, aclosing(node.subscribe()) as stream:
        await until_subscribed(simulated, node, stream)
        broken = asyncio.ensure_future(anext(stream))
        # LND renews its certificate by itself; here its bytes change, and no more.
        simulated.tls_cert_path.write_bytes(simulated.tls_cert_path.read_bytes() + b"\n")
        await node.probe()
        assert (await refusal(broken)).code == "node_away"
        await node.probe()


def test_a_dead_stream_is_noticed_within_35_seconds_by_default() -> None:
    timing = Timing()
    assert timing.watch_interval_seconds + timing.probe_seconds <= 35
    assert timing.add_seconds + timing.repeat_seconds <= 5


async def test_cancelling_the_follower_is_not_mistaken_for_a_dead_stream(
    simulated: SimulatedLnd, node: LndNode
) -> None:
    async with aclosing(node.subscribe()) as stream:
        await until_subscribed(simulated, node, stream)
        waiting = asyncio.ensure_future(anext(stream))
        await turns()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def until_subscribed(simulated: SimulatedLnd, node: LndNode, stream: AsyncGenerator[NodeInvoice]) -> None:
    """Issue invoices until the stream has told of the last: LND itself never says that a subscription stands."""
    following = asyncio.ensure_future(anext(stream))
    async with asyncio.timeout(5):
        while not following.done():
            last = simulated.core.add_invoice(preimage=b"", amount_msat=1000, memo="", expiry_seconds=600)
            await node.probe()
        told = await following
        while told.payment_hash != last.payment_hash.hex():
            told = await anext(stream)
