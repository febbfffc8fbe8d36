"""A challenge is shown again to its own client, at the same price, while there is time to pay it."""

import pytest

from gateway.money import Msat
from gateway.rows import Origin
from gateway.sales.challenges import _MOST, NOT_SHOWN_BEFORE_EXPIRY_SECONDS, Challenges
from tests.support.clock import FakeClock
from tests.support.rows import EXPIRY_SECONDS, an_invoice

INVOICE = an_invoice(origin=Origin.CHALLENGE)


@pytest.fixture
def challenges(clock: FakeClock) -> Challenges:
    kept = Challenges(clock)
    kept.keep("client", INVOICE)
    return kept


def test_a_challenge_is_shown_again_to_its_client_for_its_item_at_its_price(challenges: Challenges) -> None:
    assert challenges.find("client", "welcome", 100_000) == INVOICE
    for client, item, amount_msat in (
        ("other", "welcome", 100_000),
        ("client", "x", 100_000),
        ("client", "welcome", 1),
    ):
        assert challenges.find(client, item, amount_msat) is None


def test_a_challenge_is_not_shown_in_its_last_minute(challenges: Challenges, clock: FakeClock) -> None:
    clock.advance(EXPIRY_SECONDS - NOT_SHOWN_BEFORE_EXPIRY_SECONDS - 1)
    assert challenges.find("client", "welcome", 100_000) == INVOICE
    clock.advance(1)
    assert challenges.find("client", "welcome", 100_000) is None


def test_a_newer_challenge_takes_the_place_of_an_older_one(challenges: Challenges) -> None:
    newer = an_invoice(2, origin=Origin.CHALLENGE)
    challenges.keep("client", newer)
    challenges.forget(INVOICE.payment_hash)
    assert challenges.find("client", "welcome", 100_000) == newer


def test_a_paid_challenge_is_forgotten_and_only_it(challenges: Challenges) -> None:
    dearer = an_invoice(2, origin=Origin.CHALLENGE, amount_msat=Msat(200_000))
    challenges.keep("client", dearer)
    challenges.forget(INVOICE.payment_hash)
    challenges.forget("00" * 32)
    assert challenges.find("client", "welcome", 100_000) is None
    assert challenges.find("client", "welcome", 200_000) == dearer


def test_a_readers_own_invoice_is_never_shown_to_anybody(challenges: Challenges) -> None:
    with pytest.raises(AssertionError, match="nobody else's"):
        challenges.keep("client", an_invoice())


def test_the_oldest_are_forgotten_when_there_are_many(challenges: Challenges) -> None:
    for number in range(_MOST):
        challenges.keep(str(number), an_invoice(number + 2, origin=Origin.CHALLENGE))
    assert challenges.find("client", "welcome", 100_000) is None
    assert challenges.find("0", "welcome", 100_000) is not None
    assert len(challenges._keys) == len(challenges._invoices) == _MOST
