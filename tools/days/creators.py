"""Creators of a simulated day, who have themselves paid, and an operator who gives readers their money back."""

import asyncio
from contextlib import suppress

from gateway.errors import TuppenceError
from tools.days.day import Day
from tools.days.life import Gone

PAYER = "reader@wallet.example"
LONGEST_PAUSE_SECONDS, LAST_SECONDS = 5_400.0, 23 * 3_600.0
MOST_SAT = 3_000
EXPIRIES_SECONDS = (600, 7_200, 86_400)
# A reader has long opened by then what a refund closes.
REFUNDED_AFTER_SECONDS = 3_600
CLAIMS = 4


async def be_paid(day: Day, creator: str) -> None:
    """A creator names an address, and asks for a payout now and then; naming it again changes nothing."""
    while await _pause(day):
        await _set_destination(day, creator)
        await ask_for_a_payout(day, creator)


async def ask_for_a_payout(day: Day, creator: str) -> None:
    """Ask once for some of a creator's balance."""
    day.host.expiry_seconds = day.rng.choice(EXPIRIES_SECONDS)
    amount_msat = day.rng.randint(100, MOST_SAT) * 1_000
    try:
        payout = await day.ask(lambda life: life.pay_out(creator, amount_msat))
    except (Gone, TuppenceError) as error:
        day.note(f"not paid out: {_code(error)} {creator}")
    else:
        day.note(f"to pay out {amount_msat} {payout.payout_id[:8]}")


async def give_back(day: Day) -> None:
    """The operator gives a reader their money back now and then, who claims it."""
    while await _pause(day):
        until = asyncio.get_running_loop().time() - REFUNDED_AFTER_SECONDS
        old = [payment_hash for payment_hash, settled_at in day.settled_at.items() if settled_at < until]
        if old:
            await _refund(day, day.rng.choice(old))


async def _refund(day: Day, payment_hash: str) -> None:
    operator_pays = day.rng.random() < 0.5
    for _ in range(CLAIMS):
        try:
            await day.ask(lambda life: life.refund(payment_hash, operator_pays=operator_pays))
            await day.ask(lambda life: life.claim(payment_hash, PAYER))
        except (Gone, TuppenceError) as error:
            day.note(f"not given back: {_code(error)} {payment_hash[:8]}")
        else:
            day.note(f"claimed {payment_hash[:8]}")
        await asyncio.sleep(day.rng.uniform(60, 600))


async def _set_destination(day: Day, creator: str) -> None:
    address, by_operator = f"{creator}@host.example", creator == "alice"
    with suppress(Gone, TuppenceError):
        await day.ask(lambda life: life.set_destination(creator, address, by_operator=by_operator))


async def _pause(day: Day) -> bool:
    """Let time pass; False in the evening."""
    await asyncio.sleep(day.rng.uniform(60, LONGEST_PAUSE_SECONDS))
    return asyncio.get_running_loop().time() < LAST_SECONDS


def _code(error: Gone | TuppenceError) -> str:
    return error.code if isinstance(error, TuppenceError) else "gone"
