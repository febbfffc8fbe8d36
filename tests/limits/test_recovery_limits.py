"""Recovery codes cannot be guessed, and the guesses of others refuse no holder of a code."""

from contextlib import suppress

from gateway.errors import NotFound, TooMany
from gateway.limits.limits import TRIES_APART, TRIES_OVERALL, TRIES_PER_CLIENT, Limits
from tests.support.clock import FakeClock
from tests.support.domain import limits


def test_tries_of_many_networks_refuse_no_client_that_has_not_failed(clock: FakeClock) -> None:
    subject = limits(clock)
    for second in range(30):
        for network in range(120):
            fails(subject, f"guesser {network}")
        for reader in range(25):
            with subject.recovery(f"reader {second} {reader}"):
                pass
            assert fails(subject, f"typist {second} {reader}")
            with subject.recovery(f"typist {second} {reader}"):
                pass
        clock.advance(1)


def test_clients_that_fail_repeatedly_share_one_limit(clock: FakeClock) -> None:
    subject = limits(clock)
    tried = sum(fails(subject, f"guesser {n}") for n in range(1_000) for _ in range(10))
    assert tried == 1_000 * TRIES_APART + TRIES_OVERALL.most


def test_a_code_that_opens_is_no_guess(clock: FakeClock) -> None:
    subject = limits(clock)
    for _ in range(50):
        with subject.recovery("a"):
            pass
        with suppress(ConnectionError), subject.recovery("a"):
            raise ConnectionError
    assert sum(fails(subject, "a") for _ in range(10)) == TRIES_PER_CLIENT.most


def test_a_foreign_page_leaves_some_of_its_visitors_tries(clock: FakeClock) -> None:
    subject = limits(clock)
    assert sum(fails(subject, "a", page="https://evil.example") for _ in range(10)) == 3
    assert sum(fails(subject, "a") for _ in range(10)) == 2


def fails(subject: Limits, client: str, *, page: str = "") -> bool:
    """Whether a wrong code was looked up at all."""
    try:
        with subject.recovery(client, page):
            raise NotFound("recovery_unknown", "This code opens nothing.")  # noqa: TRY301 # as the look-up does
    except NotFound:
        return True
    except TooMany:
        return False
