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
from gateway.catalog.api_keys import OPERATOR, Caller
from gateway.errors import Conflict, Unavailable
from gateway.money import from_sat
from gateway.payouts.amounts import Caps
from gateway.payouts.destinations import set_destination
from gateway.payouts.payers import PayingNodes
from gateway.payouts.request import PayoutRequests, Wanted
from gateway.ports.store import Store
from gateway.rows.payouts import Asker, Destination
from gateway.simulator.payments.in_process_payer import InProcessPayer
from gateway.store.engines.database import open_database
from tests.payouts.world import FEES, Host, paid_world
from tests.support.clock import FakeClock, until
from tests.support.databases import in_a_thread
from tests.support.domain import Domain, open_domain
from tests.support.postgres_server import Cluster
from tests.support.rows import NODE_ID, START, a_creator

ASKED, MOST_OF_ALL = 200, 50
AMOUNT_SAT, FEE_LIMIT_SAT = 1_000, 10

pytestmark = pytest.mark.postgres


@dataclass(slots=True, kw_only=True)
class Replicas:
    """A domain, and what asks for payouts in three replicas of it."""

    domain: Domain
    host: Host
    stores: Sequence[Store]
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
    day_msat = from_sat(MOST_OF_ALL * AMOUNT_SAT)
    caps = Caps(most_msat=from_sat(AMOUNT_SAT), account_day_msat=day_msat, day_msat=day_msat)
    async with AsyncExitStack() as stack:
        domain = await stack.enter_async_context(open_domain(tmp_path, clock, core, database_url=url))
        stores, requests, host = list[Store](), [], Host(creators_node, rng.randbytes)
        for _ in range(3):
            store = await open_database(url)
            stack.push_async_callback(store.close)
            stores.append(store)
            nodes = PayingNodes([InProcessPayer(core, node_id=NODE_ID)], store)
            requests.append(PayoutRequests(nodes, host, store, clock, rng.randbytes, fees=FEES, caps=caps))
        yield Replicas(domain=domain, host=host, stores=stores, requests=requests)


async def test_200_that_ask_at_once_spend_a_balance_no_further_than_it_goes(replicas: Replicas) -> None:
    balance_sat = 20_500
    await replicas.credit(["alice"], amount_sat=balance_sat)
    ended = await replicas.ask_at_once(["alice"] * ASKED)
    paid = balance_sat // (AMOUNT_SAT + FEE_LIMIT_SAT)
    assert ended == {"reserved": paid, "balance_too_low": ASKED - paid}
    balances = await replicas.domain.balances()
    assert balances["creator:alice"] == from_sat(balance_sat - paid * (AMOUNT_SAT + FEE_LIMIT_SAT))


async def test_200_creators_that_ask_at_once_are_paid_no_further_than_the_cap_of_all(replicas: Replicas) -> None:
    creators = [f"creator-{number}" for number in range(ASKED)]
    for creator in creators:
        await replicas.domain.catalog.add_creator(a_creator(creator))
    await replicas.credit(creators, amount_sat=AMOUNT_SAT + FEE_LIMIT_SAT)
    ended = await replicas.ask_at_once(creators)
    assert ended == {"reserved": MOST_OF_ALL, "day_cap": ASKED - MOST_OF_ALL}


async def test_a_pause_waits_for_one_reservation_and_not_for_all_that_queue(replicas: Replicas) -> None:
    await replicas.credit(["alice"], amount_sat=10 * ASKED * AMOUNT_SAT)
    asking = asyncio.create_task(replicas.ask_at_once(["alice"] * ASKED))
    account = creator_account("alice")
    await until(lambda: _is_begun(replicas.domain, account))
    await replicas.domain.store.write(lambda tx: tx.payout_pauses.pause("operator", now=START))
    ended = await asking
    assert ended["payouts_paused"] > ended["reserved"]


async def test_of_two_that_set_the_first_destination_at_once_the_operators_is_in_use(replicas: Replicas) -> None:
    stores = replicas.stores
    creators = [f"creator-{number}" for number in range(20)]
    for creator in creators:
        await stores[0].write(lambda tx, c=creator: tx.creators.insert(a_creator(c)))  # type: ignore[misc]  # bound in the loop

    async def set_first(store: Store, creator: str, caller: Caller) -> None:
        host, address = replicas.host, f"{caller.creator or 'operator'}@host.example"
        await set_destination(
            store, host, creator=creator, address=address, caller=caller, now=START, delay_seconds=86_400
        )

    for creator in creators:
        await asyncio.gather(
            set_first(stores[0], creator, OPERATOR), set_first(stores[1], creator, Caller(creator, creator))
        )
        row = await stores[0].read(lambda tx, c=creator: tx.destinations.get(c))  # type: ignore[misc]  # bound in the loop
        assert row is not None
        assert row.address_at(START) == "operator@host.example"


async def _is_begun(domain: Domain, account: str) -> bool:
    return bool(await domain.store.read(lambda tx: tx.payouts.open_of(account)))
