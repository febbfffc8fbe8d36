"""The world of a simulated day: a gateway, its node, its database, and what was seen of them."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from gateway.rows import Invoice
from gateway.simulator.invoice import SimulatedInvoice
from gateway.store.files.keyring import FileKeyRing
from tests.payouts.world import Host
from tests.support.rows import START
from tools.days.life import Life, remember_tasks
from tools.days.lnd import Lnd
from tools.days.sale import Sale
from tools.days.store import Database

T = TypeVar("T")
QUIET_SECONDS = 60.0
TOLD_WITHIN_SECONDS = 2.0


class Day:
    """The world of a day, and what was seen in it. Each start of the gateway is a life of `life_class`."""

    def __init__(self, seed: int, folder: Path, *, life_class: type[Life] = Life) -> None:
        self.seed, self.rng, self._life_class = seed, Random(seed), life_class
        self._loop = asyncio.get_running_loop()
        self._loop.set_task_factory(remember_tasks)
        self.clock_is_off_by = 0.0
        self.lnd = Lnd(self.node_clock, self.rng)
        self.host = Host(self.lnd.creators_node, self.rng.randbytes)
        self.database = Database(folder / "tuppence.db")
        self.keys = FileKeyRing({0: self.rng.randbytes(32)})
        self.sales: dict[str, Sale] = {}
        self.settled_at: dict[str, float] = {}
        self.journal: list[str] = []
        self.complaints: list[str] = []
        self.one_at_a_time: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.kills = self.resets = self.replays = self.restarts = self.retries = 0
        self.longest_told_seconds = 0.0
        self._faults: Counter[str] = Counter()
        self._active, self._quiet_since = 0, 0.0
        self.life = self._new_life()

    # The world --------------------------------------------------------------------------------------------------------

    def node_clock(self) -> float:
        """The right time."""
        return START + self._loop.time()

    def gateway_clock(self) -> float:
        """The time by the gateway's clock."""
        return self.node_clock() + self.clock_is_off_by

    async def sleep_until(self, at: float) -> None:
        """Until so many seconds of the day have passed."""
        await asyncio.sleep(max(0.0, at - self._loop.time()))

    async def ask(self, work: Callable[[Life], Coroutine[Any, Any, T]]) -> T:
        """The gateway's answer. Raises `Gone` when it ends, or is not there."""
        life = self.life
        return await life.ask(work(life))

    def begin_life(self) -> None:
        """Start the gateway."""
        self.life = self._new_life()
        self.note("started")

    def fault_begins(self, name: str) -> None:
        """It is not quiet any more."""
        self._faults[name] += 1
        self._active += 1
        self.note(f"{name} begins")

    def fault_ends(self, name: str) -> None:
        """It may become quiet."""
        self._active -= 1
        self._quiet_since = self._loop.time()
        self.note(f"{name} ends")

    # What is seen -----------------------------------------------------------------------------------------------------

    def note(self, what: str, invoice: Invoice | None = None) -> None:
        """A line of the journal."""
        about = "" if invoice is None else f" {invoice.payment_hash[:8]}"
        self.journal.append(f"{self._loop.time():012.4f} {what}{about}")

    def paid(self, sale: Sale, row: SimulatedInvoice) -> None:
        """The node has settled an invoice."""
        self.settled_at[sale.invoice.payment_hash] = self._loop.time()
        self.note(f"paid {row.paid_msat}", sale.invoice)

    def told(self, sale: Sale, *, is_stream: bool) -> None:
        """A reader was told. On a stream that takes two seconds at most while all is quiet."""
        now = self._loop.time()
        self.note("told", sale.invoice)
        settled_at = self.settled_at.get(sale.invoice.payment_hash)
        if settled_at is None:
            self.complaints.append(f"told without a payment: {sale.invoice.payment_hash[:8]}")
        elif is_stream and not self._active and settled_at - self._quiet_since > QUIET_SECONDS:
            self.longest_told_seconds = max(self.longest_told_seconds, now - settled_at)
            if now - settled_at > TOLD_WITHIN_SECONDS:
                self.complaints.append(f"told after {now - settled_at:.1f} s: {sale.invoice.payment_hash[:8]}")

    def _new_life(self) -> Life:
        return self._life_class(
            self.database,
            self.lnd,
            self.host,
            self.keys,
            self.gateway_clock,
            self.rng,
            on_credited=self._credited,
        )

    def _credited(self, invoices: Sequence[Invoice]) -> None:
        for invoice in invoices:
            self.note(f"credited {invoice.paid_msat}", invoice)
