"""A domain that can pay: a database, the gateway's node and the creators', and the host of every address."""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.books.ledger import creator_account
from gateway.money import from_sat
from gateway.payouts.request import Wanted
from gateway.rows.payouts import Asker, Payout, Try
from gateway.simulator.core import Simulator
from tests.payouts.world import Host, PayoutProcess, Steps, credit, paid_world, start_process
from tests.support.clock import FakeClock
from tests.support.domain import Domain, open_domain
from tests.support.rows import START

ALICE = creator_account("alice")
ADDRESS = "alice@host.example"


@dataclass(slots=True, kw_only=True)
class PayingDomain:
    """A domain in which alice has 50,000 sat and a destination, and one process that pays."""

    domain: Domain
    core: Simulator
    creators_node: Simulator
    host: Host
    clock: FakeClock
    process: PayoutProcess
    rng: random.Random

    def restarted(self) -> PayoutProcess:
        """Another process, which knows nothing of the first."""
        return start_process(self.domain.store, self.core, self.host, self.clock, self.rng.randbytes, Steps())

    async def ask(self, amount_sat: int | None = 1_000, *, key: str | None = None, by: Asker = Asker.CREATOR) -> Payout:
        """Ask for a payout to alice."""
        amount_msat = None if amount_sat is None else from_sat(amount_sat)
        return await self.process.requests.ask(
            Wanted(source_account=ALICE, asked_by=by, amount_msat=amount_msat, idempotency_hash=key)
        )

    async def payout(self, payout_id: str) -> Payout:
        """The row as it is now."""
        found = await self.domain.store.read(lambda tx: tx.payouts.get(payout_id))
        assert found is not None
        return found

    async def tries(self, payout_id: str) -> list[Try]:
        """Its tries."""
        return list(await self.domain.store.read(lambda tx: tx.tries.of(payout_id)))

    async def balance_sat(self, account: str = ALICE) -> float:
        """The balance of an account, in sat."""
        return await self.domain.store.read(lambda tx: tx.ledger.balance_msat(account)) / 1_000

    async def received_sat(self) -> int:
        """What the creators' node has received."""
        return self.creators_node.liquidity().outbound_msat // 1_000


@pytest.fixture
async def paying(tmp_path: Path) -> AsyncIterator[PayingDomain]:
    """The domain, audited at the end."""
    rng, clock = random.Random(7), FakeClock(START)
    core, creators_node = paid_world(clock, rng.randbytes)
    async with open_domain(tmp_path, clock, core) as domain:
        await credit(domain, "alice", 50_000, address=ADDRESS)
        host = Host(creators_node, rng.randbytes)
        process = start_process(domain.store, core, host, clock, rng.randbytes, Steps())
        yield PayingDomain(
            domain=domain,
            core=core,
            creators_node=creators_node,
            host=host,
            clock=clock,
            process=process,
            rng=rng,
        )
