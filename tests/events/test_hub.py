"""The hub wakes waiters by payment hash, bounds their number, and ends all of them when it closes."""

import asyncio
from contextlib import ExitStack

import pytest

from gateway.errors import TooMany
from gateway.events.hub import Hub


@pytest.fixture
def hub() -> Hub:
    return Hub(most=5, most_per_invoice=3)


async def test_a_wake_reaches_everyone_who_waits_for_that_invoice_alone(hub: Hub) -> None:
    with hub.waiting("a") as one, hub.waiting("a") as two, hub.waiting("b") as other:
        hub.wake("a")
        assert (one.is_set(), two.is_set(), other.is_set()) == (True, True, False)


async def test_a_wake_for_nobody_is_lost(hub: Hub) -> None:
    hub.wake("a")
    with hub.waiting("a") as event:
        assert not event.is_set()


async def test_a_wake_between_registering_and_waiting_is_not_lost(hub: Hub) -> None:
    with hub.waiting("a") as event:
        hub.wake("a")
        await asyncio.wait_for(event.wait(), 1)


async def test_whoever_leaves_frees_the_place_however_they_leave(hub: Hub) -> None:
    for _ in range(10):
        with pytest.raises(RuntimeError), hub.waiting("a"):
            raise RuntimeError
    assert hub.count == 0
    assert hub._waiters == {}


async def test_waiters_are_bounded_per_invoice_and_overall(hub: Hub) -> None:
    with ExitStack() as waiters:
        for _ in range(3):
            waiters.enter_context(hub.waiting("a"))
        for payment_hash, code in (("a", "too_many_waiters"), ("b", None), ("c", None), ("d", "too_many_waiters")):
            if code is None:
                waiters.enter_context(hub.waiting(payment_hash))
                continue
            with pytest.raises(TooMany) as refusal, hub.waiting(payment_hash):
                pass
            assert (refusal.value.code, refusal.value.retry_after_seconds) == (code, 15)
        assert hub.count == 5
    assert hub.count == 0


async def test_a_waiter_that_has_left_is_woken_and_leaves_its_place_to_another(hub: Hub) -> None:
    with ExitStack() as waiters:
        events = [waiters.enter_context(hub.waiting("a")) for _ in range(3)]
        other = waiters.enter_context(hub.waiting("b"))
        waiters.enter_context(hub.waiting("c"))
        hub.leave("a", events[1])
        waiters.enter_context(hub.waiting("a"))
        assert ([event.is_set() for event in events], hub.count) == ([False, True, False], 5)
        for _ in range(2):
            hub.leave("b", other)
            assert hub.count == 4
        waiters.enter_context(hub.waiting("d"))
        with pytest.raises(TooMany), hub.waiting("e"):
            pass
    assert (hub.count, hub._waiters) == (0, {})


async def test_one_of_several_leaving_leaves_the_others_waiting(hub: Hub) -> None:
    with hub.waiting("a") as staying:
        with hub.waiting("a"):
            pass
        hub.wake("a")
        assert staying.is_set()


async def test_the_close_wakes_everyone_for_good(hub: Hub) -> None:
    with hub.waiting("a") as one, hub.waiting("b") as two:
        hub.close()
        assert (one.is_set(), two.is_set(), hub.closed) == (True, True, True)
