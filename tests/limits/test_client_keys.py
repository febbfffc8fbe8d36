"""A client key stands for a network and names none; it changes every day and at every start."""

import secrets

import pytest

from gateway.limits.client_keys import KEY_SECONDS, ClientKeys
from gateway.web.http.addresses import read_address
from tests.support.clock import FakeClock


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("203.0.113.7", "203.0.113.99", True),
        ("203.0.113.7", "203.0.114.7", False),
        ("2001:db8:1:2::7", "2001:db8:1:ffff::9", True),
        ("2001:db8:1::7", "2001:db8:2::7", False),
        ("::ffff:203.0.113.7", "203.0.113.9", True),
        ("fe80::1%eth0", "fe80::2", True),
        (None, "no address", True),
    ],
)
def test_a_client_is_a_network(clock: FakeClock, one: str | None, other: str, alike: bool) -> None:
    keys = ClientKeys(clock, secrets.token_bytes)
    assert (keys.of(read_address(one)) == keys.of(read_address(other))) is alike


def test_a_client_key_is_another_one_every_day_and_after_every_start(clock: FakeClock) -> None:
    address = read_address("203.0.113.7")
    first, restarted = ClientKeys(clock, secrets.token_bytes), ClientKeys(clock, secrets.token_bytes)
    keys = {first.of(address), restarted.of(address)}
    clock.advance(KEY_SECONDS)
    keys.add(first.of(address))
    assert len(keys) == 3
    assert all("203" not in key for key in keys)
