"""The parts of the torture in their smallest form, and what it says at the end.

Here nothing may be lost; how long anything took is limited by `make torture` alone.
"""

import json
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path

import pytest

from tools.days.simulation import Outcome
from tools.torture import flood, outages, resets, restarts, waiters
from tools.torture.__main__ import conclude
from tools.torture.days import tally_of
from tools.torture.tally import Tally, slower

Part = Callable[..., Awaitable[Tally]]


@pytest.mark.parametrize(
    ("part", "payments"),
    [
        pytest.param(partial(resets.reset, resets=5), 50, id="resets"),
        pytest.param(partial(restarts.restart_simulated, restarts=1), 40, id="restarts"),
        pytest.param(partial(flood.withstand, seconds=1), 40, id="flood"),
        pytest.param(partial(outages.without_node, seconds=1), 100, id="outages of the node"),
        pytest.param(
            partial(outages.without_database, seconds=1), 100, id="outages of the database", marks=pytest.mark.postgres
        ),
        pytest.param(partial(waiters.tell, waiters=80), 80, id="waiters", marks=pytest.mark.postgres),
    ],
)
async def test_each_part_of_the_torture_can_be_lived_through(tmp_path: Path, part: Part, payments: int) -> None:
    tally = await part(tmp_path, seed=1, report=lambda _: None)
    assert tally.is_clean, tally
    assert tally.payments >= payments


def test_the_worst_is_said_first_and_the_line_last(capsys: pytest.CaptureFixture[str]) -> None:
    slow = Tally(payments=7, slow=slower("ready", 4, 3))
    broken = Tally(lost=1, paid_twice=2, released_wrongly=3, broken=("[a] day: python -m tools.days 5 --journal",))
    assert not conclude(slow + broken)
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        "failed: 1 lost",
        "failed: 2 paid twice",
        "failed: 3 released wrongly",
        "failed: [a] day: python -m tools.days 5 --journal",
        "slow: ready: 4.00 s, where 3.00 s are allowed",
    ]
    line = json.loads(said.out)
    assert (line["payments"], line["lost"], line["paid_twice"], line["released_wrongly"]) == (7, 1, 2, 3)
    assert all(isinstance(value, int | float) for value in line.values())


def test_what_is_slow_is_not_lost_and_yet_no_success() -> None:
    slow = Tally(slow=slower("ready", 3.1, 3))
    assert slow.is_clean
    assert not conclude(slow)
    assert conclude(Tally(slow=slower("ready", 3, 3)))


def test_a_bad_day_is_told_with_its_seed_and_the_next_is_lived() -> None:
    ended: Future[Outcome] = Future()
    ended.set_exception(AssertionError("nothing can ever happen again"))
    tally = tally_of(23, ended)
    assert tally.broken == ("AssertionError('nothing can ever happen again'): python -m tools.days 23 --journal",)
    assert (tally.days, tally.is_clean) == (1, False)
