"""Three replicas on one PostgreSQL: however many ask at once, a balance is spent once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from random import Random

import pytest

from gateway.books.ledger import creator_account
from gateway.errors import Conflict, Unavailable
from gateway.money import from_sat
from gateway.payouts.amounts import Caps
from gateway.payouts.payers import PayingNodes
from gateway.payouts.request import PayoutRequests, Wanted
from gateway.rows.payouts import Asker, Destination
from gateway.simulator.payments.in_process_payer import InProcessPayer
from gateway.store.engines.database import open_database
from tests.payouts.world import FEES, Host, paid_world
from tests.support.clock import FakeClock
from tests.support.databases import in_a_thread
from tests.support.domain import Domain, open_domain
from tests.support.postgres_server import Cluster
from tests.support.rows import NODE_ID, START

ASKED = 200
AMOUNT_SAT, FEE_LIMIT_SAT = 1_000, 10

pytestmark = pytest.mark.postgres


@dataclass(slots=True, kw_only=True)
class Replicas:
    """A domain, and what asks for payouts in three replicas of it."""

    domain: Domain
    requests: Sequence[PayoutRequests]

    async def credit(self, creators: Sequence[str], *, amount_sat: int) -> None:
        """Have each of the creators tipped, and paid to an address."""
        for creator in creators:
            self.domain.pay(
                (await self.domain.create(self.domain.tip(creator, amount_msat=from_sat(amount_sat)))).invoice
            )
            to = Destination(
                creator=creator, address=f"{creator}@host.example", next_address=None, next_at=None, changed_at=START
            )
            await self.domain.store.write(lambda tx, to=to: tx.destinations.put(to))  # type: ignore[misc]  # bound in the loop
        await self.domain.sweeper.sweep()

    async def ask_at_once(self, creators: Sequence[str]) -> Counter[str]:
        """One payout for each, asked of all replicas in turn at the same time; counts `reserved` and the refusals."""
        asked = zip(cycle(self.requests), creators, strict=False)
        return Counter(await asyncio.gather(*(_ask(requests, creator) for requests, creator in asked)))


async def _ask(requests: PayoutRequests, creator: str) -> str:
    wanted = Wanted(source_account=creator_account(creator), asked_by=Asker.CREATOR, amount_msat=from_sat(AMOUNT_SAT))
    while True:
        try:
            await requests.ask(wanted)
        except Unavailable:
            # Rows that 200 wait for are locked for longer than one may wait: who is told so asks again.
            continue
        except Conflict as refusal:
            return refusal.code
        return "reserved"


@pytest.fixture
async def replicas(cluster: Cluster, tmp_path: Path) -> AsyncIterator[Replicas]:
    url, rng, clock = cluster.url(in_a_thread(cluster.emptied())), Random(1), FakeClock(START)
    core, creators_node = paid_world(clock, rng.randbytes)
    caps = Caps(most_msat=from_sat(AMOUNT_SAT), account_day_msat=from_sat(10**6), day_msat=from_sat(10**6))
    async with AsyncExitStack() as stack:
        domain = await stack.enter_async_context(open_domain(tmp_path, clock, core, database_url=url))
        requests = []
        for _ in range(3):
            store = await open_database(url)
            stack.push_async_callback(store.close)
            nodes = PayingNodes([InProcessPayer(core, node_id=NODE_ID)], store)
            host = Host(creators_node, rng.randbytes)
            requests.append(PayoutRequests(nodes, host, store, clock, rng.randbytes, fees=FEES, caps=caps))
        yield Replicas(domain=domain, requests=requests)


async def test_200_that_ask_at_once_spend_a_balance_no_further_than_it_goes(replicas: Replicas) -> None:
    balance_sat = 20_500
    await replicas.credit(["alice"], amount_sat=balance_sat)
    ended = await replicas.ask_at_once(["alice"] * ASKED)
    paid = balance_sat // (AMOUNT_SAT + FEE_LIMIT_SAT)
    assert ended == {"reserved": paid, "balance_too_low": ASKED - paid}
    balances = await replicas.domain.balances()
    assert balances["creator:alice"] == from_sat(balance_sat - paid * (AMOUNT_SAT + FEE_LIMIT_SAT))
