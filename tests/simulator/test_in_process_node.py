"""The simulated node without gRPC behaves as the gRPC client of it does."""

import asyncio
from collections.abc import Awaitable
from contextlib import aclosing

import pytest

from gateway.errors import OutcomeUnknown, Unavailable
from gateway.money import Msat
from gateway.ports.node import IssuedInvoice, NodeInvoiceState, NodeState
from gateway.simulator.core import Simulator
from gateway.simulator.in_process_node import InProcessNode
from tests.support.clock import FakeClock, turns

OPEN, SETTLED, CANCELED, _ = NodeInvoiceState


@pytest.fixture
def node(core: Simulator) -> InProcessNode:
    return InProcessNode(core)


async def issue(node: InProcessNode, preimage: bytes = b"p" * 32) -> IssuedInvoice:
    return await node.add_invoice(preimage, amount_msat=Msat(1000), memo="memo", expiry_seconds=60)


async def refusal(call: Awaitable[object]) -> str:
    with pytest.raises(Unavailable) as caught:
        await call
    return caught.value.code


async def test_an_invoice_is_issued_once_followed_and_found_settled(core: Simulator, node: InProcessNode) -> None:
    async with aclosing(node.subscribe()) as stream:
        told = asyncio.ensure_future(anext(stream))
        await turns()
        issued = await issue(node)
        assert await issue(node) == issued
        assert (await told).state is OPEN
        assert await node.preimage(issued.payment_hash) is None
        core.pay(bytes.fromhex(issued.payment_hash))
        assert (await anext(stream)).state is SETTLED
    found = await node.lookup(issued.payment_hash)
    assert found is not None
    assert (found.state, found.paid_msat, found.settle_index) == (SETTLED, 1000, 1)
    assert await node.list_invoices(after_add_index=0, limit=500) == [found]
    assert await node.preimage(issued.payment_hash) == (b"p" * 32).hex()


async def test_a_lost_answer_leaves_the_outcome_unknown_and_the_next_try_finds_the_invoice(
    core: Simulator, node: InProcessNode
) -> None:
    core.quirks.lose_answers = 1
    with pytest.raises(OutcomeUnknown):
        await issue(node)
    assert (await issue(node)).add_index == 1


async def test_other_applications_invoices_are_left_out(core: Simulator, node: InProcessNode) -> None:
    for _ in range(3):
        core.keysend(5000)
    issued = await issue(node)
    (found,) = await node.list_invoices(after_add_index=0, limit=2)
    assert found.add_index == issued.add_index == 4
    assert await node.list_invoices(after_add_index=4, limit=2) == []
    keysend = next(row for row in core.invoices if row.is_keysend)
    assert await node.lookup(keysend.payment_hash.hex()) is None


async def test_canceling_is_idempotent_and_leaves_settled_ones(
    core: Simulator, node: InProcessNode, clock: FakeClock
) -> None:
    first, second, third = [await issue(node, bytes([n]) * 32) for n in range(3)]
    core.pay(bytes.fromhex(second.payment_hash))
    for payment_hash in (first.payment_hash, first.payment_hash, second.payment_hash, "00" * 32):
        await node.cancel(payment_hash)
    clock.advance(60)
    found = await node.list_invoices(after_add_index=0, limit=500)
    assert [each.state for each in found] == [CANCELED, SETTLED, CANCELED]
    assert third.add_index == 3


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (NodeState.ABSENT, "node_away"),
        (NodeState.LOCKED, "node_locked"),
        (NodeState.STARTING, "node_starting"),
    ],
)
async def test_a_node_that_is_not_up_refuses_by_code_and_still_tells_its_state(
    core: Simulator, node: InProcessNode, state: NodeState, code: str
) -> None:
    core.state = state
    calls: list[Awaitable[object]] = [
        issue(node),
        node.lookup("00" * 32),
        node.liquidity(),
        node.cancel("00" * 32),
        node.preimage("00" * 32),
    ]
    calls.append(node.list_invoices(after_add_index=0, limit=1))
    calls.append(anext(node.subscribe()))
    assert [await refusal(call) for call in calls] == [code] * len(calls)
    assert (await node.status()).state is state


async def test_a_restart_ends_the_stream_with_a_reason(core: Simulator, node: InProcessNode) -> None:
    async with aclosing(node.subscribe()) as stream:
        told = asyncio.ensure_future(anext(stream))
        await turns()
        core.restart()
        assert await refusal(told) == "node_away"
