"""A node's key is pinned at first contact, and no other node is served under its node_id."""

from secrets import token_bytes

import pytest

from gateway.errors import Unavailable
from gateway.nodes.identity import PinnedNode
from gateway.ports.node import NodeState
from gateway.simulator.core import Simulator
from gateway.simulator.in_process_node import InProcessNode
from gateway.store.engines.database import Database
from tests.support.clock import FakeClock
from tests.support.nodes.observed_node import ObservedNode


async def test_a_node_is_pinned_at_first_contact_and_confirmed_once(core: Simulator, store: Database) -> None:
    node = ObservedNode(core)
    known = PinnedNode(node, store)
    for _ in range(3):
        await known.confirm()
    assert node.asked("status") == 1
    pinned = await store.read(lambda tx: tx.identities.list("node"))
    assert pinned == [("lnd", core.status().identity_pubkey)]


async def test_a_node_is_recognised_after_a_restart(core: Simulator, store: Database) -> None:
    for _ in range(2):
        await PinnedNode(InProcessNode(core), store).confirm()


async def test_another_key_under_the_same_name_is_refused_for_good(
    core: Simulator, store: Database, clock: FakeClock
) -> None:
    await PinnedNode(InProcessNode(core), store).confirm()
    other = PinnedNode(InProcessNode(Simulator(clock=clock, random_bytes=token_bytes)), store)
    for _ in range(2):
        with pytest.raises(Unavailable, match="TUPPENCE_LND_TARGET") as refusal:
            await other.confirm()
        assert refusal.value.code == "node_changed"
    assert (await store.read(lambda tx: tx.identities.list("node")))[0][1] == core.status().identity_pubkey


async def test_another_node_may_have_another_name(core: Simulator, store: Database, clock: FakeClock) -> None:
    await PinnedNode(InProcessNode(core), store).confirm()
    second = Simulator(clock=clock, random_bytes=token_bytes)
    await PinnedNode(InProcessNode(second, node_id="second"), store).confirm()
    assert [name for name, _ in await store.read(lambda tx: tx.identities.list("node"))] == ["lnd", "second"]


@pytest.mark.parametrize(
    ("state", "code"),
    [(NodeState.ABSENT, "node_away"), (NodeState.LOCKED, "node_locked"), (NodeState.STARTING, "node_starting")],
)
async def test_a_node_that_does_not_say_who_it_is_pins_nothing(
    core: Simulator, store: Database, state: NodeState, code: str
) -> None:
    core.state = state
    with pytest.raises(Unavailable) as refusal:
        await PinnedNode(InProcessNode(core), store).confirm()
    assert (refusal.value.code, refusal.value.retry_after_seconds) == (code, 5)
    assert await store.read(lambda tx: tx.identities.list("node")) == []


async def test_a_node_that_is_syncing_has_said_who_it_is(core: Simulator, store: Database) -> None:
    core.state = NodeState.SYNCING
    await PinnedNode(InProcessNode(core), store).confirm()


async def test_asking_again_finds_another_node(core: Simulator, store: Database, clock: FakeClock) -> None:
    node = ObservedNode(core)
    known = PinnedNode(node, store)
    await known.confirm()
    node._core = Simulator(clock=clock, random_bytes=token_bytes)
    await known.confirm()
    with pytest.raises(Unavailable):
        await known.confirm_again()
    with pytest.raises(Unavailable):
        await known.confirm()
    node._core = core
    await known.confirm()
