"""One simulated day: readers, creators, faults and an editor on virtual time, and a check of the books at its end."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import text
from structlog.testing import capture_logs

from gateway.errors import TuppenceError
from gateway.money import Msat
from gateway.rows import ItemState
from tests.support.rows import START, a_creator, an_item
from tools.days.books_check import BooksCheck, check_books
from tools.days.creators import be_paid, give_back
from tools.days.day import Day
from tools.days.faults import FAULTS, befall
from tools.days.life import Gone, Life
from tools.days.loop import run_virtually
from tools.days.readers import read
from tools.days.sale import ITEMS

DAY_SECONDS = 86_400.0
READERS, BURSTS, BURST_SECONDS = 500, 12, 180.0
LEAST_PAID = 0.4
MOST_FAULTS = 100
LONGEST_FAULT_SECONDS = 900.0
# Faults seldom leave a sweep further behind than a clock that was wrong by an hour.
RECOVERY_SECONDS = 6 * 3_600.0
DEFECTS = ("work_failed", "payout_defect")

_REFUNDED = text("SELECT payment_hash FROM refunds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of a day; `digest` is the same for the same seed."""

    seed: int
    payments: int
    check: BooksCheck
    complaints: tuple[str, ...]
    faults: Counter[str]
    kills: int
    resets: int
    replays: int
    restarts: int
    longest_told_seconds: float
    digest: str
    journal: tuple[str, ...]


def simulate(seed: int, *, readers: int = READERS, life_class: type[Life] = Life) -> Outcome:
    """Live through the day of a seed."""
    with TemporaryDirectory() as folder, capture_logs() as logs:
        outcome = run_virtually(_live(seed, Path(folder), readers, life_class), seed=seed)
    defects = [f"a defect: {log.get('work', 'payouts')}" for log in logs if log["event"] in DEFECTS]
    return replace(outcome, complaints=(*outcome.complaints, *defects))


async def _live(seed: int, folder: Path, readers: int, life_class: type[Life]) -> Outcome:
    day = Simulation(seed, folder, life_class=life_class)
    try:
        return await day.live(readers)
    finally:
        day.database.close()


class Simulation(Day):
    """A day lived through: readers, faults, edits and backups, and the check of the books at its end."""

    async def live(self, readers: int) -> Outcome:
        """From the first second to the check of the books."""
        await self._stock()
        money_out = [be_paid(self, "alice"), be_paid(self, "bob"), give_back(self)]
        routine = [self._edit(), self._back_up(), self._look_over()]
        work = [*self._readers(readers), *self._misfortunes(), *money_out, *routine]
        ends = await asyncio.gather(*work, return_exceptions=True)
        self.complaints += [f"went wrong: {end!r}" for end in ends if end is not None]
        if len(self.settled_at) < max(1, readers * LEAST_PAID):
            self.complaints.append(f"{len(self.settled_at)} payments of {readers} readers are too few to tell anything")
        await asyncio.sleep(RECOVERY_SECONDS)
        check = self._check_books(is_final=True)
        await self._open_everything()
        await self.life.stop()
        return Outcome(
            seed=self.seed,
            payments=len(self.settled_at),
            check=check,
            complaints=(*self.complaints, *check.complaints),
            faults=self._faults,
            kills=self.kills,
            resets=self.resets,
            replays=self.replays,
            restarts=self.restarts,
            longest_told_seconds=self.longest_told_seconds,
            digest=sha256("\n".join(self.journal).encode()).hexdigest(),
            journal=tuple(self.journal),
        )

    async def _stock(self) -> None:
        items = (an_item(ITEMS[0]), an_item(ITEMS[1], access_seconds=3_600))
        for creator in (a_creator("alice"), a_creator("bob")):
            await self.life.store.write(lambda tx, c=creator: tx.creators.insert(c))  # type: ignore[misc]  # bound in the loop
        for item in items:
            await self.life.store.write(lambda tx, i=item: tx.items.insert(i))  # type: ignore[misc]  # bound in the loop

    def _readers(self, count: int) -> list[Coroutine[Any, Any, None]]:
        """Most come in bursts, as readers do; and faults come most where the readers are."""
        self._bursts = [self.rng.uniform(60, DAY_SECONDS - 3_600) for _ in range(BURSTS)]
        return [read(self, str(n), arrives_at=self._some_time()) for n in range(count)]

    def _misfortunes(self) -> list[Coroutine[Any, Any, None]]:
        names, weights = [*FAULTS], [weight for weight, _ in FAULTS.values()]
        chosen = self.rng.choices(names, weights, k=self.rng.randint(MOST_FAULTS // 4, MOST_FAULTS))
        return [
            befall(self, name, begins_at=self._some_time(), lasts_seconds=LONGEST_FAULT_SECONDS ** self.rng.random())
            for name in chosen
        ]

    def _some_time(self) -> float:
        if self.rng.random() < 0.2:
            return self.rng.uniform(60, DAY_SECONDS - 3_600)
        return self.rng.choice(self._bursts) + self.rng.uniform(0, BURST_SECONDS)

    async def _edit(self) -> None:
        """Prices change, and items are archived and sold again."""
        for hour in range(1, 23):
            await self.sleep_until(hour * 3_600.0)
            item_id, price_sat = self.rng.choice(ITEMS), self.rng.randint(1, 5_000)
            state = ItemState.ARCHIVED if self.rng.random() < 0.1 else ItemState.ACTIVE
            await self._change(item_id, price_msat=Msat(price_sat * 1_000), state=state)

    async def _change(self, item_id: str, **fields: Any) -> None:
        try:
            await self.ask(
                lambda life: life.catalog.change_item(item_id, lambda item: replace(item, **fields), now=START)
            )
        except (Gone, TuppenceError):
            self.note(f"{item_id} was not changed")

    async def _back_up(self) -> None:
        for quarter in range(1, 90):
            await self.sleep_until(quarter * 900.0)
            self.lnd.back_up()

    async def _look_over(self) -> None:
        for hour in range(2, 24, 2):
            await self.sleep_until(hour * 3_600.0)
            self.complaints += self._check_books(is_final=False).complaints

    def _check_books(self, *, is_final: bool) -> BooksCheck:
        settled = {key: msat for key, msat in self.lnd.settled().items() if key in self.sales}
        return check_books(
            self.database.connection,
            settled,
            forgotten=self.lnd.forgotten,
            payments=self.lnd.core.payments,
            is_final=is_final,
        )

    async def _open_everything(self) -> None:
        """Check that every settled invoice opens, with the token for a reader and with the preimage for a program.

        One that was refunded does not.
        """
        refunded = {str(key) for (key,) in self.database.connection.execute(_REFUNDED)}
        settled = self.lnd.settled()
        for key, sale in self.sales.items():
            invoice = sale.invoice
            if invoice.item_id is None or invoice.access_seconds is not None:
                continue
            proof = sale.preimage if invoice.origin.value == "challenge" else None
            try:
                await self.ask(lambda life, s=sale, p=proof, i=invoice.item_id: life.open(s.token, p, i))  # type: ignore[misc]  # bound in the loop
            except TuppenceError as refusal:
                if key in settled and key not in refunded:
                    self.complaints.append(f"does not open ({refusal.code}): {key[:8]}")
            else:
                if key not in self.settled_at or key in refunded:
                    self.complaints.append(f"opens unpaid or refunded: {key[:8]}")
