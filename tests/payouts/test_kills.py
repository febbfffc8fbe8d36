"""Wherever a process ends, and whatever the node answers, a payout is paid once or given back once."""

from pathlib import Path

import pytest

from tools.torture.payouts.seeds import live_through


@pytest.mark.parametrize("seed", range(50))
async def test_a_payout_is_paid_once_or_given_back_once_wherever_its_process_ends(seed: int, tmp_path: Path) -> None:
    tally = await live_through(tmp_path, seed=seed)
    assert tally.is_clean, tally
    assert tally.payouts > 1
