"""A stream that is open and reports nothing is detected by the late settlements that a sweep finds."""

import asyncio

import pytest

from gateway.errors import Unavailable
from gateway.rows import InvoiceState
from gateway.settlement import sweep
from tests.support.clock import turns
from tests.support.domain import Till


async def test_a_settlement_that_a_sweep_finds_long_after_it_happened_means_a_deaf_stream(till: Till) -> None:
    invoices = await till.sell_many(3)
    waiting = asyncio.create_task(till.sweeper.deaf_stream())
    await turns()
    till.pay(invoices[0])
    till.clock.advance(sweep.DEAF_AFTER_SECONDS + 1)
    till.sweeper.stream_began()
    await till.sweeper.sweep()
    till.clock.advance(sweep.SUBSCRIBED_WITHIN_SECONDS + 1)
    till.pay(invoices[1])
    till.clock.advance(sweep.DEAF_AFTER_SECONDS - 1)
    await till.sweeper.sweep()
    assert not waiting.done(), "it was paid before the stream began, or just now"
    till.pay(invoices[2])
    till.clock.advance(sweep.DEAF_AFTER_SECONDS + 1)
    await till.sweeper.sweep()
    with pytest.raises(Unavailable) as refusal:
        await waiting
    assert refusal.value.code == "stream_deaf"


async def test_a_subscription_that_is_slow_to_set_up_is_not_deaf(till: Till) -> None:
    invoice = await till.sell()
    waiting = asyncio.create_task(till.sweeper.deaf_stream())
    await turns()
    till.sweeper.stream_began()
    till.clock.advance(sweep.SUBSCRIBED_WITHIN_SECONDS)
    till.pay(invoice)
    till.clock.advance(sweep.DEAF_AFTER_SECONDS + 1)
    await till.sweeper.sweep()
    assert (await till.row(invoice)).state is InvoiceState.SETTLED
    assert not waiting.done()
    waiting.cancel()


async def test_what_a_sweep_finds_while_no_stream_is_open_says_nothing_about_one(till: Till) -> None:
    [invoice] = await till.sell_many(1)
    till.sweeper.stream_began()
    till.sweeper.stream_ended()
    till.clock.advance(sweep.SUBSCRIBED_WITHIN_SECONDS + 1)
    till.pay(invoice)
    till.clock.advance(60)
    waiting = asyncio.create_task(till.sweeper.deaf_stream())
    await turns()
    await till.sweeper.sweep()
    assert (await till.row(invoice)).state is InvoiceState.SETTLED
    assert not waiting.done()
    waiting.cancel()
