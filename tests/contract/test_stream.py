"""LND's stream of invoices, checked on the simulated node and on real ones on both databases."""

import asyncio
import hashlib
import secrets

import pytest
from lndgrpc.compiled import lightning_pb2 as ln

from gateway.errors import Unavailable
from gateway.ports.node import IssuedInvoice, NodeState
from gateway.simulator.invoice import ReplayOrder
from tests.contract.nodes import ContractNode
from tests.contract.steps import ACCEPTED, CANCELED, OPEN, SETTLED, following, has_state, issue, next_of, read
from tests.support.clock import until


async def test_the_stream_tells_open_when_issued_and_settled_when_paid(lnd: ContractNode) -> None:
    async with following(lnd) as stream:
        issued = await issue(lnd)
        assert await next_of(stream) == (issued.payment_hash, OPEN)
        await lnd.pay(issued.payment_request)
        assert await next_of(stream) == (issued.payment_hash, SETTLED)


async def test_canceled_and_accepted_never_reach_the_stream(lnd: ContractNode) -> None:
    preimage = secrets.token_bytes(32)
    async with following(lnd) as stream:
        canceled = await issue(lnd)
        assert await next_of(stream) == (canceled.payment_hash, OPEN)
        await lnd.node.cancel(canceled.payment_hash)
        held = IssuedInvoice(
            payment_hash=hashlib.sha256(preimage).hexdigest(),
            payment_request=await lnd.add_held(preimage),
            add_index=0,
        )
        assert await next_of(stream) == (held.payment_hash, OPEN)
        paying = asyncio.ensure_future(lnd.pay(held.payment_request))
        await until(lambda: has_state(lnd, held, ACCEPTED))
        await lnd.release_held(preimage)
        await paying
        assert await next_of(stream) == (held.payment_hash, SETTLED)


async def test_keysend_of_other_applications_is_seen_neither_on_the_stream_nor_in_pages(lnd: ContractNode) -> None:
    async with following(lnd) as stream:
        first = await issue(lnd)
        await lnd.keysend(3000)
        second = await issue(lnd)
        assert [(await next_of(stream))[0] for _ in range(2)] == [first.payment_hash, second.payment_hash]
    page = await lnd.node.list_invoices(after_add_index=first.add_index - 1, limit=500)
    assert [each.payment_hash for each in page] == [first.payment_hash, second.payment_hash]
    assert second.add_index == first.add_index + 2


async def test_a_stream_ends_with_a_reason_when_the_node_restarts_and_a_new_one_can_follow(lnd: ContractNode) -> None:
    async with following(lnd) as stream:
        broken = asyncio.ensure_future(anext(stream))
        await lnd.restart()
        with pytest.raises(Unavailable) as caught:
            await broken
    assert caught.value.code == "node_away"

    async def is_ready() -> bool:
        return (await lnd.node.status()).state is NodeState.READY

    await until(is_ready)
    async with following(lnd) as stream:
        issued = await issue(lnd)
        assert await next_of(stream) == (issued.payment_hash, OPEN)


async def test_an_expired_invoice_is_canceled_within_seconds_and_the_stream_says_nothing(lnd: ContractNode) -> None:
    async with following(lnd) as stream:
        short = await issue(lnd, expiry_seconds=2)
        assert await next_of(stream) == (short.payment_hash, OPEN)
        await until(lambda: has_state(lnd, short, CANCELED))
        marker = await issue(lnd)
        assert await next_of(stream) == (marker.payment_hash, OPEN)


# What LND replays, of which the gateway makes no use ------------------------------------------------------------------


async def test_settle_index_replays_what_is_higher_and_then_tells_what_happens(lnd: ContractNode) -> None:
    issued = [await issue(lnd) for _ in range(6)]
    for place in (4, 2, 0, 5, 1, 3):
        await lnd.pay(issued[place].payment_request)
    first = await lnd.node.lookup(issued[4].payment_hash)
    assert first is not None
    in_order = {ReplayOrder.ADDED: [0, 1, 2, 3, 5], ReplayOrder.SETTLED: [2, 0, 5, 1, 3]}[lnd.replay_order]
    stream = lnd.lightning.SubscribeInvoices(ln.InvoiceSubscription(settle_index=first.settle_index))
    replayed = [(await read(stream)) for _ in in_order]
    assert [each.r_hash.hex() for each in replayed] == [issued[place].payment_hash for place in in_order]
    marker = await issue(lnd)
    live = await read(stream)
    assert (live.r_hash.hex(), live.state) == (marker.payment_hash, ln.Invoice.OPEN)
    stream.cancel()


async def test_add_index_replays_what_was_added_later_as_it_stands_now_but_for_the_canceled(lnd: ContractNode) -> None:
    issued = [await issue(lnd) for _ in range(4)]
    await lnd.node.cancel(issued[1].payment_hash)
    await lnd.pay(issued[3].payment_request)
    stream = lnd.lightning.SubscribeInvoices(ln.InvoiceSubscription(add_index=issued[0].add_index))
    replayed = [(await read(stream)) for _ in range(2)]
    assert [(each.add_index, each.state) for each in replayed] == [
        (issued[2].add_index, ln.Invoice.OPEN),
        (issued[3].add_index, ln.Invoice.SETTLED),
    ]
    stream.cancel()
