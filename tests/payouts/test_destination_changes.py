"""A creator's change of destination takes effect after its delay; meanwhile the old address is in use."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.payouts.destinations import changed
from gateway.rows.payouts import Destination
from tests.support.rows import START

DELAY_SECONDS = 86_400
ADDRESSES = ("alice@a.example", "alice@b.example", "alice@c.example")


def change(before: Destination | None, address: str, at: int, delay_seconds: int = DELAY_SECONDS) -> Destination:
    """One change of alice's destination."""
    return changed(before, creator="alice", address=address, now=at, delay_seconds=delay_seconds)


def test_the_first_address_takes_effect_after_the_delay_too() -> None:
    first = change(None, ADDRESSES[0], START)
    assert first.address_at(START + DELAY_SECONDS - 1) == ""
    assert first.address_at(START + DELAY_SECONDS) == ADDRESSES[0]


def test_setting_the_old_address_again_cancels_the_change() -> None:
    first = change(None, ADDRESSES[0], START, delay_seconds=0)
    pending = change(first, ADDRESSES[1], START + 1)
    assert pending.address_at(START + 2) == ADDRESSES[0]
    canceled = change(pending, ADDRESSES[0], START + 2)
    assert canceled.address_at(START + 10 * DELAY_SECONDS) == ADDRESSES[0]


def test_asking_for_the_same_change_again_does_not_begin_its_delay_anew() -> None:
    pending = change(change(None, ADDRESSES[0], START, delay_seconds=0), ADDRESSES[1], START)
    again = change(pending, ADDRESSES[1], START + DELAY_SECONDS - 1)
    assert again.address_at(START + DELAY_SECONDS) == ADDRESSES[1]


def test_the_operators_word_takes_effect_at_once_and_ends_a_change() -> None:
    pending = change(change(None, ADDRESSES[0], START, delay_seconds=0), ADDRESSES[1], START)
    set_ = change(pending, ADDRESSES[2], START + 1, delay_seconds=0)
    assert {set_.address_at(START + 1), set_.address_at(START + 10 * DELAY_SECONDS)} == {ADDRESSES[2]}


@given(steps=st.lists(st.tuples(st.integers(0, 2 * DELAY_SECONDS), st.sampled_from(ADDRESSES)), max_size=12))
def test_no_address_is_in_use_before_its_delay_has_passed(steps: list[tuple[int, str]]) -> None:
    now, row, asked_at = START, None, dict.fromkeys(ADDRESSES, 0)
    for seconds, address in steps:
        now += seconds
        in_use = row.address_at(now) if row is not None else ""
        row = change(row, address, now)
        asked_at[address] = min(asked_at[address] or now, now)
        assert row.address_at(now) == in_use, "asking changes nothing at once"
        assert not in_use or now - asked_at[in_use] >= DELAY_SECONDS
