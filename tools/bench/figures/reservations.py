"""What it costs to ask for a payout, which reserves its money: against a sale, and with many payouts in the books."""

import random
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import Literal

from structlog.testing import capture_logs

from gateway.books.ledger import creator_account
from gateway.money import Msat, from_sat
from gateway.payouts.request import Wanted
from gateway.ports.store import Tx
from gateway.rows.payouts import Asker
from gateway.store.engines.move_to_postgres import move_database
from tests.payouts.world import Host, PayoutProcess, Steps, credit, paid_world, start_process
from tests.support.clock import FakeClock
from tests.support.domain import Domain, open_domain
from tests.support.payout_rows import a_payout, dispatch, reserve, succeed
from tests.support.rows import START
from tools.bench.bench import Bench
from tools.bench.figure import Line, line_of

Engine = Literal["SQLite", "PostgreSQL"]
ENGINES: Sequence[Engine] = ("SQLite", "PostgreSQL")
EACH, ROUNDS, AT_ONCE = 50, 5, 500
ALICE, ADDRESS = creator_account("alice"), "alice@host.example"
EARNED_SAT, AMOUNT_MSAT = 50_000, from_sat(100)
HOUR_SECONDS = 3_600


@dataclass(frozen=True, slots=True)
class History:
    """So many earlier payouts of the creator who asks, each of 1 sat, made so long ago."""

    count: int
    hours_ago: int

    def __str__(self) -> str:
        return f"{self.count:,} payout{'s' if self.count > 1 else ''} {self.hours_ago} h ago"

    @property
    def folder(self) -> str:
        """The name of its books."""
        return f"{self.count}-{self.hours_ago}"


FIRST = History(1, 1)
HISTORIES = (FIRST, History(100, 1), History(10_000, 1), History(10_000, 25))


@dataclass(slots=True)
class _Took:
    """Milliseconds for each that was timed in one round."""

    bare: list[float] = field(default_factory=list)
    sale: list[float] = field(default_factory=list)
    payout: list[float] = field(default_factory=list)


Round = Mapping[History, _Took]


async def measure(bench: Bench) -> list[Line]:
    """Rounds on copies of books with each history, in turn for every single one: what else runs slows all of them."""
    books = _Books(bench)
    rounds: dict[Engine, list[Round]] = {engine: [] for engine in ENGINES}
    with capture_logs():
        for history in HISTORIES:
            bench.report(f"reservations: writing {history}")
            await books.make(history)
        for number in range(ROUNDS):
            for engine in ENGINES:
                bench.report(f"reservations: {engine}, round {number + 1} of {ROUNDS}")
                rounds[engine].append(await books.ask(engine))
    return [line for engine in ENGINES for line in _lines(engine, rounds[engine])]


class _Books:
    """Books with a history, each written once and copied for every round; all at one simulated node."""

    def __init__(self, bench: Bench) -> None:
        self._bench, self._folder = bench, bench.folder / "reservations"
        self._clock, self._random_bytes = FakeClock(START), random.Random(1).randbytes
        self._core, self._creators_node = paid_world(self._clock, self._random_bytes)
        self._moved: dict[History, str] = {}

    async def make(self, history: History) -> None:
        """Books of a creator who has been paid so often, on SQLite, and moved to PostgreSQL."""
        folder, paid_at = self._folder / history.folder, START - history.hours_ago * HOUR_SECONDS
        folder.mkdir(parents=True)
        async with open_domain(folder, self._clock, self._core) as domain:
            await credit(domain, "alice", EARNED_SAT, address=ADDRESS)
            for first in range(0, history.count, AT_ONCE):
                numbers = range(first, min(first + AT_ONCE, history.count))
                await domain.store.write(partial(_pay_out, numbers=numbers, paid_at=paid_at))
            source = domain.database_url
        cluster = await self._bench.cluster()
        self._moved[history] = await cluster.new_database("template1")
        await move_database(source, cluster.url(self._moved[history]), now=START)

    async def ask(self, engine: Engine) -> Round:
        """Transactions that update one guarded row, sales, and payouts that are asked for."""
        took = {history: _Took() for history in HISTORIES}
        wanted = Wanted(source_account=ALICE, asked_by=Asker.CREATOR, amount_msat=AMOUNT_MSAT)
        async with AsyncExitStack() as stack:
            domains = {history: await stack.enter_async_context(self._copy(engine, history)) for history in HISTORIES}
            processes = {history: self._process(domain) for history, domain in domains.items()}
            for _ in range(EACH):
                for history, one in took.items():
                    await _time(one.bare, domains[history].store.write(lambda tx: tx.payout_caps.lock(["bare"])))
                    await _time(one.sale, domains[history].sell())
                    await _time(one.payout, processes[history].requests.ask(wanted))
        return took

    @asynccontextmanager
    async def _copy(self, engine: Engine, history: History) -> AsyncIterator[Domain]:
        """A copy of these books on one of the databases."""
        folder, url = self._folder / f"copy-{history.folder}", ""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self._folder / history.folder, folder)
        if engine == "PostgreSQL":
            cluster = await self._bench.cluster()
            url = cluster.url(await cluster.new_database(self._moved[history]))
        async with open_domain(folder, self._clock, self._core, database_url=url) as domain:
            # Which a move leaves paused.
            await domain.store.write(lambda tx: tx.payout_pauses.resume())
            yield domain

    def _process(self, domain: Domain) -> PayoutProcess:
        host = Host(self._creators_node, self._random_bytes)
        return start_process(domain.store, self._core, host, self._clock, self._random_bytes, Steps())


def _pay_out(tx: Tx, *, numbers: range, paid_at: int) -> None:
    """Payouts of 1 sat, as if each had been made."""
    for number in numbers:
        payout = a_payout(
            number, amount_msat=Msat(1_000), fee_limit_msat=Msat(1_000), destination=ADDRESS, created_at=paid_at
        )
        succeed(tx, dispatch(tx, reserve(tx, payout), number))


async def _time(took: list[float], work: Awaitable[object]) -> None:
    began = time.perf_counter()
    await work
    took.append((time.perf_counter() - began) * 1000)


def _lines(engine: Engine, rounds: Sequence[Round]) -> list[Line]:
    def ratios(some: Callable[[Round], list[float]], others: Callable[[Round], list[float]]) -> list[float]:
        return [median(some(each)) / median(others(each)) for each in rounds]

    def asked(each: Round, history: History = FIRST) -> list[float]:
        return each[history].payout

    return [
        line_of(f"a payout asked for, {engine}", [median(asked(each)) for each in rounds], "ms"),
        line_of("against a transaction with one guarded update", ratios(asked, lambda each: each[FIRST].bare), "times"),
        line_of("against a sale, its node in this process", ratios(asked, lambda each: each[FIRST].sale), "times"),
        *(
            line_of(f"with {history}, against {FIRST}", ratios(partial(asked, history=history), asked), "times")
            for history in HISTORIES[1:]
        ),
    ]
