"""T1, a few rounds of it: a gateway that is killed at any moment loses no payment and credits none twice."""

from pathlib import Path

import pytest

from tools.torture.databases import DatabaseKind
from tools.torture.kills import kill
from tools.torture.tally import Tally


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def test_a_gateway_that_is_killed_again_and_again_credits_every_payment_once(
    tmp_path: Path, database: DatabaseKind
) -> None:
    tally = await kill(tmp_path, database=database, kills=3, payments=60, seed=1, report=lambda _: None)
    assert (tally.payments, tally.kills) == (60, 3)
    assert tally.is_clean, tally
    assert tally != Tally()
