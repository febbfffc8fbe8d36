"""The client of an LND node when things go wrong: what it raises, how soon, and how it comes back."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from gateway.errors import OutcomeUnknown, Unavailable
from gateway.lnd.channel import certificate_expires_at
from gateway.lnd.client import LndNode
from gateway.lnd.identity import Identity
from gateway.lnd.liveness import Timing
from gateway.lnd.server import SimulatedLnd, serve_simulator
from gateway.money import Msat
from gateway.ports import NodeInvoice, NodeState
from tests.tcp_proxy import tcp_proxy

QUICK = Timing(call=2, page=2, add=0.3, repeat=2, probe=0.3, probe_interval=0.05, watch_interval=0.1)
PREIMAGE = b"p" * 32


@pytest.fixture
async def simulated(tmp_path: Path) -> AsyncIterator[SimulatedLnd]:
    async with serve_simulator(tmp_path / "lnd", clock=time.time) as server:
        yield server


@pytest.fixture
async def node(simulated: SimulatedLnd) -> AsyncIterator[LndNode]:
    async with client(simulated) as node:
        yield node


@asynccontextmanager
async def client(
    simulated: SimulatedLnd, *, timing: Timing = QUICK, target: str = "", macaroon: Path | None = None
) -> AsyncIterator[LndNode]:
    node = LndNode(
        node_id="lnd",
        target=target or simulated.target,
        tls_cert=simulated.tls_cert_path,
        macaroon=macaroon or simulated.macaroon_path,
        timing=timing,
    )
    try:
        yield node
    finally:
        await node.close()


async def add(node: LndNode, preimage: bytes = PREIMAGE) -> str:
    invoice = await node.add_invoice(preimage, amount_msat=Msat(1000), memo="memo", expiry_seconds=600)
    return invoice.payment_hash


async def refusal(call: Awaitable[object]) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        await call
    return caught.value


async def until(call: Callable[[], Awaitable[object]]) -> None:
    """Ask until it is answered; pytest's own limit ends what never is."""
    async with asyncio.timeout(10):
        while True:
            try:
                await call()
            except Unavailable:
                await asyncio.sleep(0)
            else:
                return


# AddInvoice -----------------------------------------------------------------------------------------------------------


async def test_an_answer_that_never_comes_is_asked_for_again_and_gives_the_same_invoice(
    simulated: SimulatedLnd, node: LndNode
) -> None:
    simulated.core.quirks.lose_answers = 1
    invoice = await node.add_invoice(PREIMAGE, amount_msat=Msat(1000), memo="memo", expiry_seconds=600)
    (row,) = simulated.core.invoices
    assert (invoice.payment_hash, invoice.payment_request, invoice.add_index) == (
        row.payment_hash.hex(),
        row.payment_request,
        1,
    )


async def test_a_connection_that_breaks_before_the_answer_gives_the_same_invoice(
    simulated: SimulatedLnd, node: LndNode
) -> None:
    simulated.core.quirks.break_answers = 1
    assert await add(node) == await add(node)
    assert len(list(simulated.core.invoices)) == 1


async def test_a_node_that_is_too_slow_twice_leaves_the_outcome_unknown(simulated: SimulatedLnd) -> None:
    simulated.latency_seconds["AddInvoice"] = 30
    async with client(simulated, timing=Timing(add=0.1, repeat=0.1)) as node:
        with pytest.raises(OutcomeUnknown) as caught:
            await add(node)
    assert caught.value.code == "node_outcome_unknown"


async def test_an_invoice_that_exists_but_cannot_be_looked_up_leaves_the_outcome_unknown(
    simulated: SimulatedLnd,
) -> None:
    simulated.latency_seconds["LookupInvoice"] = 30
    async with client(simulated, timing=Timing(call=0.1)) as node:
        await add(node)
        with pytest.raises(OutcomeUnknown):
            await add(node)


async def test_what_lnd_will_not_issue_is_refused_in_its_own_words(node: LndNode) -> None:
    call = node.add_invoice(PREIMAGE, amount_msat=Msat(1000), memo="x" * 1025, expiry_seconds=600)
    refused = await refusal(call)
    assert refused.code == "node_refused"
    assert "memo too large" in refused.detail


# A node that is not there, or not ready -------------------------------------------------------------------------------


async def test_a_node_known_to_be_away_is_refused_without_being_asked(simulated: SimulatedLnd) -> None:
    async with client(simulated, timing=Timing(probe_interval=3600)) as node:
        await node.probe()
        await simulated.stop()
        assert (await refusal(add(node))).code == "node_away"
        await refusal(node.probe())
        await simulated.start()
        started = time.perf_counter()
        for _ in range(100):
            known = await refusal(add(node))
            # The first of these has a probe sent; its answer must not overtake the others.
            assert known.code == "node_away"
            assert known.retry_after_seconds
        assert (time.perf_counter() - started) / 100 < 0.001
    assert list(simulated.core.invoices) == []


async def test_a_node_that_comes_back_is_found_by_asking(simulated: SimulatedLnd, node: LndNode) -> None:
    await simulated.stop()
    assert (await refusal(add(node))).code == "node_away"
    await simulated.start()
    await until(lambda: add(node))


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
    await until(lambda: add(node))


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


# Certificate and macaroon ---------------------------------------------------------------------------------------------


async def test_a_renewed_certificate_is_taken_up_without_a_failed_call(simulated: SimulatedLnd, node: LndNode) -> None:
    await add(node)
    simulated.renew_certificate()
    await simulated.restart()
    await add(node, b"q" * 32)


async def test_a_certificate_that_is_not_the_nodes_is_named_as_the_reason(
    simulated: SimulatedLnd, tmp_path: Path
) -> None:
    async with serve_simulator(tmp_path / "other", clock=time.time) as other:
        foreign = LndNode(
            node_id="lnd", target=simulated.target, tls_cert=other.tls_cert_path, macaroon=simulated.macaroon_path
        )
        refused = await refusal(add(foreign))
        await foreign.close()
    assert refused.code == "node_away"
    assert "certificate" in refused.detail


async def test_a_macaroon_that_is_refused_says_how_to_bake_one_and_is_read_again_when_it_changes(
    simulated: SimulatedLnd, tmp_path: Path
) -> None:
    macaroon = tmp_path / "weak.macaroon"
    simulated.identity.bake(macaroon, ["info:read"])
    async with client(simulated, macaroon=macaroon) as node:
        refused = await refusal(add(node))
        assert refused.code == "node_refused"
        assert "lncli bakemacaroon" in refused.detail
        assert (await node.status()).state is NodeState.READY
        macaroon.write_bytes(simulated.macaroon_path.read_bytes())
        await add(node)


async def test_a_macaroon_of_another_node_is_refused(simulated: SimulatedLnd, tmp_path: Path) -> None:
    async with serve_simulator(tmp_path / "other", clock=time.time) as other:
        async with client(simulated, macaroon=other.macaroon_path) as node:
            assert (await refusal(add(node))).code == "node_refused"
            assert (await refusal(node.status())).code == "node_refused"


async def test_a_missing_file_is_named(simulated: SimulatedLnd, tmp_path: Path) -> None:
    async with client(simulated, macaroon=tmp_path / "nowhere.macaroon") as node:
        refused = await refusal(add(node))
    assert refused.code == "node_refused"
    assert "nowhere.macaroon" in refused.detail


def test_the_days_of_a_certificate_are_read_from_it(tmp_path: Path) -> None:
    now = 1_800_000_000
    identity = Identity(tmp_path, random_bytes=lambda size: b"\x07" * size, now=now)
    assert certificate_expires_at(identity.tls_cert_path) == now + 424 * 86_400


# The stream -----------------------------------------------------------------------------------------------------------


async def test_a_stream_ends_with_a_reason_when_the_node_restarts(simulated: SimulatedLnd, node: LndNode) -> None:
    async with aclosing(node.subscribe()) as stream:
        following = asyncio.ensure_future(anext(stream))
        await until_subscribed(simulated, node, following)
        broken = asyncio.ensure_future(anext(stream))
        await simulated.restart()
        assert (await refusal(broken)).code == "node_away"


async def test_a_stream_that_has_silently_died_is_noticed(simulated: SimulatedLnd, node: LndNode) -> None:
    async with aclosing(node.subscribe()) as stream:
        following = asyncio.ensure_future(anext(stream))
        await until_subscribed(simulated, node, following)
        simulated.stall()
        async with asyncio.timeout(5):
            assert (await refusal(anext(stream))).code == "node_away"
        assert (await refusal(add(node))).code == "node_away"
    simulated.resume()
    await until(lambda: add(node))


async def test_a_black_hole_in_the_network_is_noticed_and_left_by_a_new_connection(simulated: SimulatedLnd) -> None:
    async with tcp_proxy(simulated.target) as proxy, client(simulated, target=proxy.target) as node:
        async with aclosing(node.subscribe()) as stream:
            following = asyncio.ensure_future(anext(stream))
            await until_subscribed(simulated, node, following)
            proxy.swallow()
            async with asyncio.timeout(5):
                await refusal(anext(stream))
        proxy.pass_on()
        await until(lambda: add(node))
        assert proxy.connections > 1


def test_a_dead_stream_is_noticed_within_35_seconds_by_default() -> None:
    timing = Timing()
    assert timing.watch_interval + timing.probe <= 35
    assert timing.add + timing.repeat <= 5


async def test_cancelling_the_follower_is_not_mistaken_for_a_dead_stream(
    simulated: SimulatedLnd, node: LndNode
) -> None:
    async with aclosing(node.subscribe()) as stream:
        following = asyncio.ensure_future(anext(stream))
        await until_subscribed(simulated, node, following)
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def until_subscribed(simulated: SimulatedLnd, node: LndNode, following: asyncio.Future[NodeInvoice]) -> None:
    """Issue invoices until the stream tells of one: LND itself never says that a subscription stands."""
    async with asyncio.timeout(5):
        while not following.done():
            simulated.core.add_invoice(preimage=b"", amount_msat=1000, memo="", expiry_seconds=600)
            await node.probe()


# Reading --------------------------------------------------------------------------------------------------------------


async def test_other_applications_keysend_and_amp_are_left_out_and_end_no_page(
    simulated: SimulatedLnd, node: LndNode
) -> None:
    await add(node)
    for _ in range(7):
        simulated.core.keysend(5000)
    amp = simulated.core.add_invoice(preimage=b"", amount_msat=1000, memo="", expiry_seconds=60, is_amp=True)
    await add(node, b"q" * 32)
    first = await node.list_invoices(after_add_index=0, limit=3)
    second = await node.list_invoices(after_add_index=first[-1].add_index, limit=3)
    assert [row.add_index for row in (*first, *second)] == [1, 10]
    assert await node.list_invoices(after_add_index=10, limit=3) == []
    assert await node.lookup(amp.payment_hash.hex()) is None


async def test_a_page_holds_at_most_500(simulated: SimulatedLnd, node: LndNode) -> None:
    for _ in range(501):
        simulated.core.add_invoice(preimage=b"", amount_msat=1000, memo="", expiry_seconds=600)
    assert len(await node.list_invoices(after_add_index=0, limit=10_000)) == 500
    assert len(await node.list_invoices(after_add_index=500, limit=10_000)) == 1


async def test_a_preimage_that_lnd_gives_away_early_stays_in_the_client(simulated: SimulatedLnd, node: LndNode) -> None:
    payment_hash = await add(node)
    assert await node.preimage(payment_hash) is None
    looked_up = await node.lookup(payment_hash)
    assert PREIMAGE.hex() not in repr(looked_up)
    simulated.core.pay(bytes.fromhex(payment_hash))
    assert await node.preimage(payment_hash) == PREIMAGE.hex()


def test_importing_the_client_warns_of_nothing_and_brings_no_other_technology() -> None:
    code = (
        "import sys, gateway.lnd.client\n"
        "brought = {'aiohttp', 'sqlalchemy', 'coincurve', 'cryptography'} & set(sys.modules)\n"
        "sys.exit(f'brought {brought}' if brought else 0)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)  # noqa: S603
    assert (done.returncode, done.stderr) == (0, "")
