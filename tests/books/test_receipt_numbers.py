"""The number of a receipt: short, the same for ever, and no count of sales."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.books.receipt_numbers import hashes_of, read_receipt_number, receipt_number
from gateway.crockford import ALPHABET
from gateway.errors import Invalid
from tests.support.rows import START

HASHES = st.integers(0, 2**256 - 1).map(lambda number: f"{number:064x}")
INSTANTS = st.integers(0, 4_000_000_000)


def test_a_number_is_the_day_and_the_first_thirty_bits_of_the_payment_hash() -> None:
    assert receipt_number("f" * 8 + "0" * 56, START) == "2027-01-15-ZZZZZZ"
    assert receipt_number("0" * 7 + "4" + "f" * 56, START) == "2027-01-15-000001"
    assert receipt_number("0" * 7 + "3" + "f" * 56, START) == "2027-01-15-000000"


@given(payment_hash=HASHES, settled_at=INSTANTS)
def test_a_number_is_read_however_it_is_typed_and_leads_to_its_payment(payment_hash: str, settled_at: int) -> None:
    number = receipt_number(payment_hash, settled_at)
    assert set(number[11:]) <= set(ALPHABET)
    for typed in (number, number.lower(), f" {number.replace('-', ' ')} ", number.replace("0", "O").replace("1", "l")):
        assert read_receipt_number(typed) == number
    lowest, highest = hashes_of(number)
    assert lowest <= payment_hash <= highest


@given(one=HASHES, other=HASHES)
def test_only_payments_with_the_same_letters_are_compared_with_a_number(one: str, other: str) -> None:
    lowest, highest = hashes_of(receipt_number(one, START))
    assert (lowest <= other <= highest) == (receipt_number(one, START) == receipt_number(other, START))


@pytest.mark.parametrize(
    "typed", ["", "7KQ2M4", "2026-11-2A-7KQ2M4", "2026-11-29-7KQ2M", "2026-11-29-7KQ2MU", "9" * 99]
)
def test_what_is_no_number_is_refused_with_an_example(typed: str) -> None:
    with pytest.raises(Invalid, match="like 2026-11-29-7KQ2M4") as refusal:
        read_receipt_number(typed)
    assert refusal.value.code == "receipt_number_malformed"
