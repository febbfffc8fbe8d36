"""Payouts on a real database and a simulated node, and processes that end at any step."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Any, Literal, TypeVar

from gateway.errors import OutcomeUnknown, Unavailable
from gateway.money import Msat, from_sat
from gateway.payouts.amounts import Caps, FeeLimits
from gateway.payouts.decisions.endings import PayoutDecisions
from gateway.payouts.decisions.pauses import PayoutPause
from gateway.payouts.decisions.records import PayoutRecords
from gateway.payouts.destination_invoice import DestinationInvoices
from gateway.payouts.dispatch import Dispatcher
from gateway.payouts.follow_up import FollowUp
from gateway.payouts.payers import PayingNodes
from gateway.payouts.request import PayoutRequests
from gateway.payouts.rules import PayoutRulebook
from gateway.payouts.worker import PayoutWorker
from gateway.ports.addresses import AddressHosts, PayOffer
from gateway.ports.clock import Clock
from gateway.ports.payer import Payer
from gateway.ports.store import Store, Tx
from gateway.rows.payouts import Destination
from gateway.simulator.core import Simulator
from gateway.simulator.payments.in_process_payer import InProcessPayer
from gateway.simulator.payments.network import Network
from gateway.simulator.payments.payment import Answer, FailureReason, Plan
from tests.support.announced import Announced
from tests.support.clock import FakeClock
from tests.support.domain import Domain
from tests.support.rows import NODE_ID

T = TypeVar("T")

FEES = FeeLimits(share_ppm=10_000, most_msat=from_sat(100))
CAPS = Caps(most_msat=from_sat(100_000), account_day_msat=from_sat(200_000), day_msat=from_sat(1_000_000))


class Killed(Unavailable):
    """The process ends here. What it still runs changes nothing outside it, as every later step raises this, too."""

    def __init__(self) -> None:
        super().__init__("killed", "The process has ended.")


class Commit(StrEnum):
    """What becomes of a commit: answered; or unanswered, and made or not."""

    ANSWERED = "answered"
    MADE = "made"
    NOT_MADE = "not_made"


class Gate(asyncio.Event):
    """Where a process stands still before its call that pays, until the gate is set or the process ends there."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = asyncio.Event()
        self._is_end = False

    async def wait(self) -> Literal[True]:
        """Stand still. Raises `Killed` if the process ends here."""
        self.reached.set()
        await super().wait()
        if self._is_end:
            raise Killed
        return True

    def end(self) -> None:
        """End the process where it stands."""
        self._is_end = True
        self.set()


@dataclass(slots=True)
class Steps:
    """Counts the steps of a process, and ends it at one of them.

    `commit` says what becomes of each commit; each call that pays waits for `before_sending`.
    """

    kill_at: int | None = None
    commit: Callable[[], Commit] = lambda: Commit.ANSWERED
    before_sending: asyncio.Event | None = None
    taken: int = 0

    def step(self) -> None:
        """One step. Raises `Killed` at the chosen one, and at every later one: a dead process does nothing."""
        self.taken += 1
        if self.kill_at is not None and self.taken >= self.kill_at:
            raise Killed


class MortalStore(Store):
    """A store whose process may end before and after each commit, or never learn of it."""

    def __init__(self, store: Store, steps: Steps) -> None:
        self._store, self._steps = store, steps

    async def write(self, work: Callable[[Tx], T]) -> T:
        """As in the Protocol."""
        self._steps.step()
        commit = self._steps.commit()
        written = None if commit is Commit.NOT_MADE else await self._store.write(work)
        self._steps.step()
        if commit is Commit.ANSWERED:
            return written  # type: ignore[return-value]  # it was written
        raise OutcomeUnknown("commit_unanswered", "The connection broke.")

    async def read(self, work: Callable[[Tx], T]) -> T:
        """As in the Protocol."""
        return await self._store.read(work)


class MortalPayer:
    """A payer whose process may end before and after the call that pays, or stand still before it."""

    def __init__(self, payer: Payer, steps: Steps) -> None:
        self.node_id = payer.node_id
        self._payer, self._steps = payer, steps

    def __getattr__(self, name: str) -> Any:
        return getattr(self._payer, name)

    async def send(self, *args: Any, **named: Any) -> Any:
        """As in the Protocol."""
        self._steps.step()
        if self._steps.before_sending is not None:
            await self._steps.before_sending.wait()
        report = await self._payer.send(*args, **named)
        self._steps.step()
        return report


@dataclass(slots=True)
class Host:
    """The host of every address: it asks the creator's node for invoices."""

    creators_node: Simulator
    random_bytes: Callable[[int], bytes]
    min_msat: int = 1_000
    max_msat: int = 10**12
    lie_msat: int = 0
    expiry_seconds: int = 600
    away: bool = False
    asked: list[str] = field(default_factory=list)

    def check(self, address: str, *, is_from_anybody: bool = False) -> str:  # noqa: ARG002  # the port's
        """As in the Protocol."""
        return address.lower()

    async def offer(self, address: str) -> PayOffer:
        """As in the Protocol."""
        if self.away:
            raise Unavailable("destination_away", "The host does not answer.")
        return PayOffer(
            address=address,
            callback="https://host.example/pay",
            min_msat=Msat(self.min_msat),
            max_msat=Msat(self.max_msat),
            metadata_hash="",
        )

    async def invoice(self, offer: PayOffer, amount_msat: Msat) -> str:
        """As in the Protocol."""
        issued = self.creators_node.add_invoice(
            preimage=self.random_bytes(32),
            amount_msat=amount_msat + self.lie_msat,
            memo=offer.address,
            expiry_seconds=self.expiry_seconds,
        )
        self.asked.append(issued.payment_request)
        return issued.payment_request


@dataclass(slots=True, kw_only=True)
class PayoutProcess:
    """What one process knows of payouts."""

    nodes: PayingNodes
    requests: PayoutRequests
    rules: PayoutRulebook
    decisions: PayoutDecisions
    records: PayoutRecords
    pause: PayoutPause
    dispatcher: Dispatcher
    worker: PayoutWorker
    announced: Announced

    async def work(self) -> None:
        """One round of the background work, to its end."""
        await self.worker.look()
        await self.worker.settle_down()

    async def work_until(self, gate: Gate) -> None:
        """Begin a round of the background work, which goes on until it stands still at the gate, or ends."""
        await self.worker.look()
        ends = [asyncio.create_task(end) for end in (gate.reached.wait(), self.worker.settle_down())]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()


def start_process(
    store: Store, core: Simulator, host: Host, clock: FakeClock, random_bytes: Callable[[int], bytes], steps: Steps
) -> PayoutProcess:
    """A process on a database and a node, which may end at any step."""
    payer = MortalPayer(InProcessPayer(core, node_id=NODE_ID), steps)
    return payout_process(MortalStore(store, steps), payer, host, clock, random_bytes)


def payout_process(
    store: Store,
    payer: Payer,
    host: AddressHosts,
    clock: Clock,
    random_bytes: Callable[[int], bytes],
    *,
    follow_up_class: type[FollowUp] = FollowUp,
    caps: Caps = CAPS,
) -> PayoutProcess:
    """The parts of payouts, put together as `gateway.app.payouts` does."""
    nodes, announced = PayingNodes([payer], store), Announced()
    requests = PayoutRequests(nodes, host, store, clock, random_bytes, fees=FEES, caps=caps)
    rules = PayoutRulebook(requests, store, clock)
    dispatcher = Dispatcher(nodes, DestinationInvoices(host, clock), store, clock, random_bytes, announced)
    follow_up = follow_up_class(nodes, store, clock, random_bytes, announced)
    return PayoutProcess(
        nodes=nodes,
        requests=requests,
        rules=rules,
        decisions=PayoutDecisions(nodes, store, clock),
        records=PayoutRecords(nodes, store, clock, random_bytes),
        pause=PayoutPause(nodes, store, clock),
        dispatcher=dispatcher,
        worker=PayoutWorker(dispatcher, follow_up, store, clock, caps=caps, also=(rules.ask_due,)),
        announced=announced,
    )


def drawn_plan(rng: Random) -> Plan:
    """Anything that may become of a call that pays."""
    return Plan(
        answer=rng.choice(list(Answer)),
        arrives_after_seconds=rng.choice([0, 0, 30, 500, 900, 3_000]),
        is_recorded=rng.random() < 0.8,
        ends_after_seconds=rng.choice([0, 0, 0, 1, 120, 3_600]),
        outcome=rng.choice(
            [*[FailureReason.NONE] * 3, FailureReason.NO_ROUTE, FailureReason.TIMEOUT, FailureReason.CANCELED]
        ),
        fee_msat=rng.choice([None, 0, 999, 1_000, 1_001, 50_000]),
    )


def drawn_answer(rng: Random) -> Answer:
    """Anything that a question about a payment may be answered."""
    return rng.choice([Answer.TOLD, Answer.TOLD, Answer.SILENT, Answer.UNIMPLEMENTED])


def paid_world(clock: FakeClock, random_bytes: Callable[[int], bytes]) -> tuple[Simulator, Simulator]:
    """The gateway's node, which can pay, and the creators' node."""
    network = Network()
    creators_node = Simulator(clock=clock, random_bytes=random_bytes, network=network)
    core = Simulator(clock=clock, random_bytes=random_bytes, network=network, funds_msat=10**9)
    return core, creators_node


async def credit(domain: Domain, creator: str, amount_sat: int, *, address: str = "") -> None:
    """Have a creator tipped, and paid to an address."""
    invoice = (await domain.create(domain.tip(creator, amount_msat=from_sat(amount_sat)))).invoice
    domain.pay(invoice)
    await domain.sweeper.sweep()
    destination = Destination(
        creator=creator, address=address, next_address=None, next_at=None, changed_at=int(domain.clock())
    )
    await domain.store.write(lambda tx: tx.destinations.put(destination))
