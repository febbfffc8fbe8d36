"""A fee limit is the smaller of two limits; "all" is what fits with it; too little is not sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.money import MAX_MSAT, MSAT_PER_SAT, Msat, from_sat
from gateway.payouts.amounts import FeeLimits, least_worth_sending

LIMITS = st.builds(FeeLimits, share_ppm=st.integers(0, 500_000), most_msat=st.integers(0, 10_000_000).map(Msat))
AMOUNTS_MSAT = st.integers(0, MAX_MSAT)


@given(amount_msat=AMOUNTS_MSAT, limits=LIMITS)
def test_a_fee_limit_exceeds_neither_limit_and_is_at_least_a_sat(amount_msat: int, limits: FeeLimits) -> None:
    fee_msat = limits.of(amount_msat)
    assert fee_msat >= MSAT_PER_SAT
    assert fee_msat == MSAT_PER_SAT or (
        fee_msat <= limits.most_msat and fee_msat * 1_000_000 <= amount_msat * limits.share_ppm
    )


@given(balance_msat=st.integers(-1_000, MAX_MSAT), limits=LIMITS)
def test_all_is_the_most_whole_sat_that_fits_with_its_fee_limit(balance_msat: int, limits: FeeLimits) -> None:
    all_msat = limits.most_payable(balance_msat)
    assert all_msat % MSAT_PER_SAT == 0
    assert all_msat == 0 or all_msat + limits.of(all_msat) <= balance_msat
    one_more = all_msat + MSAT_PER_SAT
    assert one_more + limits.of(one_more) > balance_msat


@pytest.mark.parametrize(
    ("fees_sat", "minimum_sat", "host_minimum_sat", "least_sat"),
    [
        ([], 0, 0, 100),
        ([1, 1, 1, 1, 1, 90], 0, 0, 20),
        ([0, 3], 0, 0, 30),
        ([1], 50, 40, 50),
        ([1], 50, 60, 60),
    ],
)
def test_the_least_payout_is_the_highest_of_three(
    fees_sat: list[int], minimum_sat: int, host_minimum_sat: int, least_sat: int
) -> None:
    least_msat = least_worth_sending(
        [from_sat(fee) for fee in fees_sat],
        minimum_msat=from_sat(minimum_sat),
        host_minimum_msat=from_sat(host_minimum_sat),
    )
    assert least_msat == from_sat(least_sat)
