"""Money: integer msat, prices in whole sat, and exact splits."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.money import MAX_MSAT, check_price, divide, from_sat, parse_fee, parse_price, to_sat

AMOUNTS = st.integers(0, MAX_MSAT)
WEIGHTS = st.lists(st.integers(0, 1_000_000), min_size=1, max_size=64).filter(any)


@given(amount_msat=AMOUNTS, weights=WEIGHTS)
def test_the_parts_of_a_split_sum_to_the_amount(amount_msat: int, weights: list[int]) -> None:
    assert sum(divide(amount_msat, weights)) == amount_msat


@given(amount_msat=AMOUNTS, weights=WEIGHTS)
def test_no_part_deviates_by_a_whole_msat(amount_msat: int, weights: list[int]) -> None:
    for part, weight in zip(divide(amount_msat, weights), weights, strict=True):
        assert abs(part - Fraction(amount_msat * weight, sum(weights))) < 1
        assert weight or not part


@given(amount_msat=AMOUNTS, weights=WEIGHTS)
def test_the_odd_msat_goes_to_the_largest_remainder_and_of_equals_to_the_earlier(
    amount_msat: int, weights: list[int]
) -> None:
    total = sum(weights)
    due = [divmod(amount_msat * weight, total) for weight in weights]
    given_more = [part - whole for part, (whole, _) in zip(divide(amount_msat, weights), due, strict=True)]
    rank = sorted(range(len(weights)), key=lambda i: (-due[i][1], i))
    assert [given_more[i] for i in rank] == sorted(given_more, reverse=True)


@given(amount_msat=AMOUNTS, weights=WEIGHTS, factor=st.integers(1, 1_000))
def test_only_the_ratio_of_weights_counts(amount_msat: int, weights: list[int], factor: int) -> None:
    assert divide(amount_msat, weights) == divide(amount_msat, [weight * factor for weight in weights])


@pytest.mark.parametrize(
    ("amount_msat", "weights", "parts"),
    [(100, [1, 1, 1], [34, 33, 33]), (101, [1, 1, 1], [34, 34, 33]), (1, [1, 99], [0, 1]), (0, [7], [0]),
     (100_001, [70, 30], [70_001, 30_000]), (10, [0, 1, 0], [0, 10, 0])],
)  # fmt: skip
def test_a_split_is_always_the_same(amount_msat: int, weights: list[int], parts: list[int]) -> None:
    assert divide(amount_msat, weights) == parts


@pytest.mark.parametrize(("amount_msat", "weights"), [(-1, [1]), (1, []), (1, [0])])
def test_a_negative_amount_or_an_empty_split_is_refused(amount_msat: int, weights: list[int]) -> None:
    with pytest.raises(AssertionError):
        divide(amount_msat, weights)


@pytest.mark.parametrize(
    ("text", "msat"),
    [
        ("100sat", 100_000),
        ("1 sats", 1_000),
        (" 21 SAT ", 21_000),
        ("5000msat", 5_000),
        ("2100000000000000sats", MAX_MSAT),
    ],
)
def test_a_price_is_read_as_it_is_written(text: str, msat: int) -> None:
    assert parse_price(text) == msat


@pytest.mark.parametrize(
    "text",
    ["", "100", "sat", "0sat", "-1sat", "1.5sat", "1e3sat", "1,000sat", "999msat", "1001msat", "0msat", "١sat",
     "100 btc", "2100000000000001sat", "9" * 19 + "sat", "9" * 400 + "sat", "100sat\n100sat", "1sat;"],
)  # fmt: skip
def test_other_text_is_refused_with_an_example_of_a_price(text: str) -> None:
    with pytest.raises(ValueError, match=r"100sat|multiple of 1000 msat"):
        parse_price(text)


@given(st.text(max_size=30))
def test_parsing_any_text_gives_a_price_or_a_reason(text: str) -> None:
    try:
        price_msat = parse_price(text)
    except ValueError:
        return
    assert check_price(price_msat) >= 1_000


@pytest.mark.parametrize(("text", "msat"), [("0sat", 0), ("2sat", 2_000), (" 1500 msat", 1_500)])
def test_a_fee_may_be_nothing_or_a_part_of_a_sat(text: str, msat: int) -> None:
    assert parse_fee(text) == msat


@pytest.mark.parametrize("text", ["", "2", "-1sat", "1.5sat", "2100000000000001sat"])
def test_other_text_is_refused_with_an_example_of_a_fee(text: str) -> None:
    with pytest.raises(ValueError, match="1500msat"):
        parse_fee(text)


@given(st.integers(1, MAX_MSAT // 1_000))
def test_a_displayed_price_parses_to_itself(sat: int) -> None:
    assert parse_price(f"{to_sat(from_sat(sat)).replace(',', '')}sat") == from_sat(sat)


@pytest.mark.parametrize(
    ("msat", "shown"), [(0, "0"), (1, "0.001"), (500, "0.5"), (1_000, "1"), (1_010, "1.01"), (21_000_000, "21,000")]
)
def test_sat_are_shown_without_needless_digits(msat: int, shown: str) -> None:
    assert to_sat(msat) == shown
