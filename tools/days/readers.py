"""Readers of a simulated day: each buys, pays in a way of their own, waits to be told, and opens what they paid for."""

import asyncio
from contextlib import suppress

from gateway.access.tokens import mint_token
from gateway.errors import NotFound, OutcomeUnknown, PaymentRequired, TuppenceError, Unavailable
from gateway.ports.node import NodeState
from gateway.simulator.refusals import PaymentRefused
from tests.support.rows import EXPIRY_SECONDS
from tools.days.day import Day
from tools.days.life import Gone
from tools.days.sale import ITEMS, Sale

TRIES = 40
PATIENCE_SECONDS = 1_200
OVERPAYMENTS_MSAT = (1, 999, 50_000, 99_900_000)
# LND holds the parts of a multi-path payment so long.
LONGEST_HELD_SECONDS = 119
HOW_TO_PAY = {"soon": 70, "later": 8, "never": 6, "at expiry": 6, "held": 10}


async def read(day: Day, name: str, *, arrives_at: float) -> None:
    """One reader's visit."""
    await day.sleep_until(arrives_at)
    sale = await _buy(day, name)
    if sale is None:
        return
    day.sales[sale.invoice.payment_hash] = sale
    day.note("sold", sale.invoice)
    waiting = asyncio.get_running_loop().create_task(_wait(day, sale))
    if await _pay(day, sale):
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.shield(waiting)
                await _open(day, sale)
    waiting.cancel()


async def _buy(day: Day, name: str) -> Sale | None:
    """Ask until there is an invoice; with a key it is the same one, however often it is asked for."""
    rng = day.rng
    kind = rng.choices(["item", "tip", "challenge"], [70, 15, 15])[0]
    item_id = rng.choice(ITEMS)
    key = f"reader-{name}-{rng.randrange(10**16):016}" if rng.random() < 0.7 else None
    amount_msat = rng.randint(1, 50_000) * 1_000
    for _ in range(TRIES):
        with suppress(Gone, Unavailable, OutcomeUnknown):
            try:
                if kind == "challenge":
                    invoice = await day.ask(lambda life: life.challenge(item_id))
                    return Sale(invoice, mint_token(day.keys, invoice), day.node_clock())
                sold = await day.ask(
                    lambda life: life.buy(item_id, key) if kind == "item" else life.tip(amount_msat, key)
                )
                return Sale(sold.invoice, sold.token, day.node_clock())
            except NotFound:
                return None
        day.retries += 1
        await asyncio.sleep(rng.uniform(0.5, 30))
    return None


async def _pay(day: Day, sale: Sale) -> bool:
    """Pay, or not; tells whether the node took it."""
    rng, lnd = day.rng, day.lnd
    payment_hash = bytes.fromhex(sale.invoice.payment_hash)
    how = rng.choices([*HOW_TO_PAY], [*HOW_TO_PAY.values()])[0]
    expires_in = EXPIRY_SECONDS - (day.node_clock() - sale.bought_at)
    amount_msat = sale.invoice.amount_msat + (rng.choice(OVERPAYMENTS_MSAT) if rng.random() < 0.08 else 0)
    if how == "never":
        return False
    if how == "held":
        await asyncio.sleep(max(0.0, expires_in - rng.uniform(1, 30)))
        lnd.core.start_payment(payment_hash)
        await asyncio.sleep(rng.uniform(0, LONGEST_HELD_SECONDS))
    elif how == "at expiry":
        await asyncio.sleep(max(0.0, expires_in + rng.choice([-1, -0.001, 0, 1])))
    else:
        await asyncio.sleep(rng.uniform(0.5, 20) if how == "soon" else rng.uniform(60, 500))
    for _ in range(TRIES):
        # A node that is down takes no payment; the payer's own tries another time.
        if lnd.core.state is NodeState.READY:
            try:
                row = lnd.core.pay(payment_hash, amount_msat=amount_msat)
            except PaymentRefused:
                return False
            sale.preimage = row.preimage
            day.paid(sale, row)
            return True
        await asyncio.sleep(rng.uniform(1, 15))
    lnd.core.fail_payment(payment_hash)
    return False


async def _wait(day: Day, sale: Sale) -> None:
    """Hold a stream of events open, or ask again and again as the page without scripts does."""
    payment_hash = sale.invoice.payment_hash
    streams = day.rng.random() < 0.8
    while True:
        with suppress(Gone, TuppenceError):
            if streams:
                await day.ask(lambda life: life.wait_until_told(payment_hash))
                break
            if await day.ask(lambda life: life.look(payment_hash)):
                break
        await asyncio.sleep(3 if not streams else day.rng.uniform(0.5, 3))
    day.told(sale, is_stream=streams)


async def _open(day: Day, sale: Sale) -> None:
    """Open what was paid for: at once, and whatever happens to the gateway a little later."""
    item_id = sale.invoice.item_id
    if item_id is None:
        return
    proof = sale.preimage if sale.invoice.origin.value == "challenge" else None
    for _ in range(TRIES):
        try:
            await day.ask(lambda life: life.open(sale.token, proof, item_id))
        except (Gone, Unavailable):
            pass
        except PaymentRequired:
            # An hour is over at once for a gateway whose clock leaps a day.
            if not day.clock_is_off_by:
                raise
        else:
            day.note("opened", sale.invoice)
            return
        await asyncio.sleep(day.rng.uniform(0.5, 10))
