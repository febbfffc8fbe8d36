"""Between the row and the call that pays, a process may stand still or a node be replaced: nothing is sent then."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from gateway.money import from_sat
from gateway.payouts.request import Wanted
from gateway.ports.addresses import PayOffer
from gateway.ports.store import Store, Tx
from gateway.rows.payouts import Asker, TryState
from gateway.simulator.payments.payment import Answer, Plan
from tests.payouts.conftest import ADDRESS, ALICE, PayingDomain
from tests.payouts.world import Host, Steps, credit, paid_world, start_process
from tests.support.clock import FakeClock
from tests.support.domain import open_domain
from tests.support.rows import NODE_ID, START

T = TypeVar("T")

UNHEARD = Plan(answer=Answer.BROKEN, is_recorded=False)
HOUR_SECONDS = 3_600


class StandingStore(Store):
    """A store whose process stands still after each commit until `goes_on`."""

    def __init__(self, store: Store) -> None:
        self._store, self.reached, self.goes_on = store, asyncio.Event(), asyncio.Event()

    async def write(self, work: Callable[[Tx], T]) -> T:
        """As in the Protocol."""
        written = await self._store.write(work)
        self.reached.set()
        await self.goes_on.wait()
        return written

    async def read(self, work: Callable[[Tx], T]) -> T:
        """As in the Protocol."""
        return await self._store.read(work)


@pytest.mark.parametrize("sends_again", [False, True])
async def test_a_sender_that_stood_still_pays_nothing_though_the_nodes_clock_is_an_hour_behind(
    tmp_path: Path,
    sends_again: bool,  # pytest's form
) -> None:
    """Meanwhile the invoice has expired, the operator has ended the try, and another one was paid."""
    rng, clock, nodes_clock = random.Random(1), FakeClock(START), FakeClock(START - HOUR_SECONDS)
    core, creators_node = paid_world(nodes_clock, rng.randbytes)
    async with open_domain(tmp_path, clock, core) as domain:
        await credit(domain, "alice", 50_000, address=ADDRESS)
        host = Host(creators_node, rng.randbytes, expiry_seconds=HOUR_SECONDS + 600)
        standing = StandingStore(domain.store)
        stands, goes = (start_process(s, core, host, clock, rng.randbytes, Steps()) for s in (standing, domain.store))
        wanted = Wanted(source_account=ALICE, asked_by=Asker.CREATOR, amount_msat=from_sat(1_000))
        payout_id = (await goes.requests.ask(wanted)).payout_id
        if sends_again:
            core.payments.plan = lambda: UNHEARD
            await goes.work()
            core.payments.plan = Plan
            for each in (clock, nodes_clock):
                each.advance(100)
        await stands.worker.look()
        await standing.reached.wait()

        for each in (clock, nodes_clock):
            each.advance(700)
        await goes.work()
        await goes.decisions.resolve(payout_id, is_paid=False, note="the node does not have it")
        await goes.decisions.try_again(payout_id)
        await goes.work()
        assert creators_node.liquidity().outbound_msat == from_sat(1_000)
        standing.goes_on.set()
        await stands.worker.settle_down()
        assert creators_node.liquidity().outbound_msat == from_sat(1_000)


class Swap:
    """Makes another node answer at the address of the gateway's, once something has happened."""

    def __init__(self, paying: PayingDomain) -> None:
        self._payer = paying.process.nodes.find(NODE_ID)

    def after(self, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """The call, after which the node is another one."""

        async def called(*args: Any) -> Any:
            answer = await call(*args)
            setattr(self._payer, "identity_pubkey", self._another)  # noqa: B010  # a method
            return answer

        return called

    async def _another(self) -> str:
        return "03" * 33


async def test_a_node_that_is_replaced_while_the_host_answers_is_sent_nothing(paying: PayingDomain) -> None:
    host_invoice = paying.host.invoice

    class SlowHost(Host):
        async def invoice(self, offer: PayOffer, amount_msat: Any) -> str:
            return await swap.after(host_invoice)(offer, amount_msat)  # type: ignore[no-any-return]

    slow = SlowHost(paying.creators_node, paying.rng.randbytes)
    paying.process = start_process(paying.domain.store, paying.core, slow, paying.clock, paying.rng.randbytes, Steps())
    swap = Swap(paying)
    asked = await paying.ask(1_000)
    await paying.process.work()
    [try_] = await paying.tries(asked.payout_id)
    assert (try_.state, try_.reason) == (TryState.RELEASED, "payer_is_another_node")
    assert list(paying.core.payments) == []


async def test_a_node_that_is_replaced_after_it_was_asked_is_not_sent_the_invoice_again(paying: PayingDomain) -> None:
    paying.core.payments.plan = lambda: UNHEARD
    asked = await paying.ask(1_000)
    await paying.process.work()
    paying.core.payments.plan = Plan
    paying.clock.advance(100)
    payer = paying.process.nodes.find(NODE_ID)
    assert payer is not None
    setattr(payer, "track", Swap(paying).after(payer.track))  # noqa: B010  # a method
    await paying.process.work()
    [try_] = await paying.tries(asked.payout_id)
    assert (try_.state, try_.sends) == (TryState.DISPATCHED, 1)
    assert list(paying.core.payments) == []
