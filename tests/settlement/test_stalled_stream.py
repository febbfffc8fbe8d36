"""A stream that is open and reports nothing is detected by the late settlements that a sweep finds."""

import asyncio

import pytest

from gateway.errors import Unavailable
from gateway.rows import InvoiceState
from gateway.settlement import sweep
from tests.support.clock import turns
from tests.support.domain import Domain


async def test_a_settlement_that_a_sweep_finds_long_after_it_happened_means_a_stalled_stream(domain: Domain) -> None:
    invoices = await domain.sell_many(3)
    waiting = asyncio.create_task(domain.sweeper.stalled_stream())
    await turns()
    domain.pay(invoices[0])
    domain.clock.advance(sweep.STALLED_AFTER_SECONDS + 1)
    domain.sweeper.stream_began()
    await domain.sweeper.sweep()
    domain.clock.advance(sweep.SUBSCRIBED_WITHIN_SECONDS + 1)
    domain.pay(invoices[1])
    domain.clock.advance(sweep.STALLED_AFTER_SECONDS - 1)
    await domain.sweeper.sweep()
    assert not waiting.done(), "it was paid before the stream began, or just now"
    domain.pay(invoices[2])
    domain.clock.advance(sweep.STALLED_AFTER_SECONDS + 1)
    await domain.sweeper.sweep()
    with pytest.raises(Unavailable) as refusal:
        await waiting
    assert refusal.value.code == "stream_deaf"


async def test_a_subscription_that_is_slow_to_set_up_is_not_stalled(domain: Domain) -> None:
    invoice = await domain.sell()
    waiting = asyncio.create_task(domain.sweeper.stalled_stream())
    await turns()
    domain.sweeper.stream_began()
    domain.clock.advance(sweep.SUBSCRIBED_WITHIN_SECONDS)
    domain.pay(invoice)
    domain.clock.advance(sweep.STALLED_AFTER_SECONDS + 1)
    await domain.sweeper.sweep()
    assert (await domain.row(invoice)).state is InvoiceState.SETTLED
    assert not waiting.done()
    waiting.cancel()


async def test_what_a_sweep_finds_while_no_stream_is_open_says_nothing_about_one(domain: Domain) -> None:
    [invoice] = await domain.sell_many(1)
    domain.sweeper.stream_began()
    domain.sweeper.stream_ended()
    domain.clock.advance(sweep.SUBSCRIBED_WITHIN_SECONDS + 1)
    domain.pay(invoice)
    domain.clock.advance(60)
    waiting = asyncio.create_task(domain.sweeper.stalled_stream())
    await turns()
    await domain.sweeper.sweep()
    assert (await domain.row(invoice)).state is InvoiceState.SETTLED
    assert not waiting.done()
    waiting.cancel()
