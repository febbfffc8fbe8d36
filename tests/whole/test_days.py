"""Simulated days: whatever happens, each payment that LND has settled is credited once, and opens what it paid for.

What creators and payers are paid leaves the books once, or not at all.

`python -m tools.days SEED --journal` lives through the day of a seed again.
"""

import asyncio
import subprocess
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest

from gateway.access.authorize import Access
from gateway.errors import PaymentRequired
from gateway.events.hub import Hub
from gateway.payouts.follow_up import FollowUp
from gateway.payouts.outcomes import fail
from gateway.ports.payer import Payer, PaymentReport, PaymentState
from gateway.rows.payouts import Try, TryState
from gateway.settlement.sweep import Sweeper
from tests.support.clock import turns
from tests.support.databases import put_database, seen_in
from tools.days.books_check import check_books
from tools.days.life import Life
from tools.days.loop import run_virtually
from tools.days.simulation import simulate
from tools.days.store import Database

SEED = 1


def test_a_day_of_faults_loses_nothing_credits_nothing_twice_and_is_the_same_in_another_process() -> None:
    command = [sys.executable, "-m", "tools.days", str(SEED)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        outcome = simulate(SEED)
        said, _ = other.communicate()
    assert outcome.complaints == (), f"python -m tools.days {SEED} --journal"
    assert outcome.faults.total() > 20
    assert outcome.kills > 0
    assert outcome.check.payouts.spent_msat > 0
    assert said.split()[-1] == outcome.digest[:16]


def test_virtual_time_passes_only_while_nothing_can_run() -> None:
    async def wait() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await turns(1_000)
        busy = loop.time() - began
        with suppress(TimeoutError):
            async with asyncio.timeout(86_400):
                await asyncio.Event().wait()
        return busy, loop.time() - began

    busy, day = run_virtually(wait(), seed=1)
    assert busy == 0
    assert day == pytest.approx(86_400)


# A day that notices nothing would be worth nothing: each of these defects is seen ------------------------------------


class IdleSweeper(Sweeper):
    """Finds nothing."""

    async def sweep(self, *, due_only: bool = False) -> None:
        """Ask nobody."""


class SilentHub(Hub):
    """Loses every wake."""

    def wake(self, payment_hash: str) -> None:
        """Tell nobody."""


class WithoutSweeps(Life):
    """A gateway that only follows the stream."""

    sweeper_class = IdleSweeper


class WithoutWakes(Life):
    """A gateway whose streams only read again."""

    hub_class = SilentHub


class WithoutAccess(Life):
    """A gateway that refuses its paid readers."""

    async def open(self, *_: object, **__: object) -> Access:
        """Refuse."""
        raise PaymentRequired("payment_required", "not paid")


class Hasty(FollowUp):
    """Gives money back on any other word than success, whether or not the invoice can still be paid."""

    word: ClassVar[PaymentState]

    async def _conclude(self, try_: Try, payer: Payer, report: PaymentReport) -> None:
        if report.state is not self.word:
            await super()._conclude(try_, payer, report)
            return
        give_back = partial(fail, try_=try_, state=TryState.FAILED, reason=report.reason, now=int(self._clock()))
        await self._store.write(give_back)


class HastyOnMissing(Hasty):
    """Takes a payment that the node lacks for one that failed."""

    word = PaymentState.MISSING


class HastyOnFailed(Hasty):
    """Takes a failure for the last word of a node that may still be asked to pay by a process that stood still."""

    word = PaymentState.FAILED


class WithHasteOnMissing(Life):
    """A gateway that gives back what its node lacks."""

    follow_up_class = HastyOnMissing


class WithHasteOnFailed(Life):
    """A gateway that gives back before an invoice has expired."""

    follow_up_class = HastyOnFailed


class WithOneShareOnly(Life):
    """A gateway whose database keeps the first share of each payment."""

    def __init__(self, database: Database, *arguments: Any, **options: Any) -> None:
        super().__init__(database, *arguments, **options)
        database.connection.exec_driver_sql(
            "CREATE TRIGGER IF NOT EXISTS forget BEFORE INSERT ON transfers WHEN NEW.n > 0"
            " BEGIN SELECT RAISE(IGNORE); END"
        )


def test_a_day_without_sweeps_loses_payments() -> None:
    outcome = simulate(1, readers=100, life_class=WithoutSweeps)
    assert any(complaint.startswith("lost") for complaint in outcome.complaints)


def test_a_day_without_wakes_tells_its_readers_late() -> None:
    outcome = simulate(1, readers=100, life_class=WithoutWakes)
    assert any(complaint.startswith("told after") for complaint in outcome.complaints)


def test_a_day_on_which_a_paid_reader_is_refused_goes_on_and_tells_of_it() -> None:
    outcome = simulate(1, readers=100, life_class=WithoutAccess)
    assert "went wrong: PaymentRequired('not paid')" in outcome.complaints
    assert outcome.check.credited > 0


@pytest.mark.parametrize("life_class", [WithHasteOnMissing, WithHasteOnFailed])
def test_a_day_on_which_money_is_given_back_too_soon_pays_creators_whose_money_returned(life_class: type[Life]) -> None:
    outcome = simulate(1, readers=100, life_class=life_class)
    assert outcome.check.payouts.released_wrongly


def test_a_day_of_few_payments_tells_nothing() -> None:
    assert any("too few" in complaint for complaint in simulate(1, readers=0).complaints)


def test_a_payment_whose_row_has_vanished_is_lost(tmp_path: Path) -> None:
    put_database(tmp_path / "empty.db")
    paid = {"00" * 32: 1_000}
    check = seen_in(tmp_path / "empty.db", partial(check_books, settled=paid, forgotten={}, is_final=True))
    assert check.lost == paid.keys()


def test_a_day_on_which_a_share_is_forgotten_has_books_that_do_not_add_up() -> None:
    outcome = simulate(1, readers=100, life_class=WithOneShareOnly)
    assert any("sum to" in complaint for complaint in outcome.complaints)
