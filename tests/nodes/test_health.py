"""The order of nodes: able, with room, not slow, least busy, least recently asked; old answers are forgotten."""

import pytest

from gateway.nodes.health import FORGET_AFTER_SECONDS, SET_ASIDE_SECONDS, SLOW_SECONDS, Health
from gateway.ports.node import NodeState

NOW = 1_000.0


def first_of(*healths: Health, now: float = NOW, amount_msat: int = 1_000) -> int:
    """The index of the node that goes first."""
    seconds = [latency for health in healths if (latency := health.latency_seconds(now)) is not None]
    ranks = [
        health.rank(now, amount_msat=amount_msat, quickest_seconds=min(seconds, default=0.0)) for health in healths
    ]
    return ranks.index(min(ranks))


def asked_before(turn: int) -> Health:
    """A healthy node that was last asked at that turn."""
    health = Health()
    health.asked(turn)
    health.ended()
    return health


def test_of_equal_nodes_the_one_that_was_not_asked_for_longest_goes_first() -> None:
    assert first_of(Health(), Health()) == 0, "in the order of the file"
    assert first_of(asked_before(2), asked_before(1)) == 1


def test_the_less_busy_one_goes_first() -> None:
    busy = Health()
    busy.asked(1)
    assert first_of(busy, asked_before(9)) == 1
    busy.ended()
    assert first_of(busy, asked_before(9)) == 0


def test_a_failure_sets_a_node_aside_for_a_while_or_until_it_answers() -> None:
    failed = Health()
    failed.failed(NOW)
    good = asked_before(1)
    assert first_of(failed, good, now=NOW + SET_ASIDE_SECONDS - 0.1) == 1
    assert first_of(failed, good, now=NOW + SET_ASIDE_SECONDS) == 0
    failed.answered(NOW + 1, seconds=0.01)
    assert first_of(failed, good, now=NOW + 1) == 0


@pytest.mark.parametrize("state", [state for state in NodeState if state is not NodeState.READY])
def test_a_node_that_is_not_ready_goes_last(state: NodeState) -> None:
    other = Health()
    other.state = state
    assert first_of(other, asked_before(1)) == 1


def test_a_node_that_cannot_receive_the_amount_goes_behind_one_that_can() -> None:
    full = Health()
    full.inbound_msat = 999
    assert first_of(full, asked_before(1)) == 1
    assert first_of(full, asked_before(1), amount_msat=999) == 0


def test_a_slow_node_goes_behind_a_quick_one_until_that_is_forgotten() -> None:
    slow, quick = Health(), asked_before(1)
    slow.answered(NOW, seconds=2.0)
    quick.answered(NOW, seconds=0.01)
    assert first_of(slow, quick) == 1
    assert first_of(slow, quick, now=NOW + FORGET_AFTER_SECONDS) == 0


@pytest.mark.parametrize(("one", "other"), [(SLOW_SECONDS, 0.001), (3.0, 1.0)])
def test_small_differences_make_nobody_slow(one: float, other: float) -> None:
    first, second = Health(), asked_before(1)
    first.answered(NOW, seconds=one)
    second.answered(NOW, seconds=other)
    assert first_of(first, second) == 0


def test_one_slow_answer_among_many_is_no_slow_node() -> None:
    health = Health()
    for _ in range(20):
        health.answered(NOW, seconds=0.01)
    health.answered(NOW, seconds=0.3)
    assert (health.latency_seconds(NOW) or 1.0) < SLOW_SECONDS
