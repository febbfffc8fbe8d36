"""The faults of a gateway and its node in a simulated day; each begins, lasts a while, and ends."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from gateway.ports.node import NodeState
from tools.days.creators import ask_for_a_payout
from tools.days.day import Day
from tools.days.life import PAYOUTS_EVERY_SECONDS

STANDS_SECONDS = 3_600

Fault = Callable[[Day], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def crash(day: Day) -> AsyncIterator[None]:
    """The gateway is killed; what was not committed is lost."""
    day.kills += 1
    day.life.kill()
    yield
    day.begin_life()


@asynccontextmanager
async def stop(day: Day) -> AsyncIterator[None]:
    """The gateway is stopped as an operator does."""
    life = day.life
    await life.stop()
    yield
    day.begin_life()


@asynccontextmanager
async def standing_sender(day: Day) -> AsyncIterator[None]:
    """The gateway stands still before a call that pays; another takes its place, and after an hour the call is made."""
    life = day.life
    life.payer.stands = True
    await ask_for_a_payout(day, "alice")
    await asyncio.sleep(PAYOUTS_EVERY_SECONDS + 1)
    day.kills += 1
    life.kill()
    asyncio.get_running_loop().call_later(STANDS_SECONDS, life.payer.go_on)
    yield
    day.begin_life()


def _node_is(state: NodeState) -> Fault:
    @asynccontextmanager
    async def restart(day: Day) -> AsyncIterator[None]:
        day.restarts += 1
        day.lnd.core.state = state
        day.lnd.core.restart()
        yield
        day.lnd.core.state = NodeState.READY

    return restart


@asynccontextmanager
async def restore_the_node(day: Day) -> AsyncIterator[None]:
    """LND comes back from a backup, and no longer knows what it has done since."""
    day.restarts += 1
    day.lnd.core.state = NodeState.ABSENT
    day.lnd.core.restart()
    yield
    day.lnd.restore(day.rng.choice(day.lnd.backups) if day.lnd.backups else [*day.lnd.core.invoices])
    day.lnd.core.state = NodeState.READY


@asynccontextmanager
async def black_hole(day: Day) -> AsyncIterator[None]:
    """Connections to the node stay up, and nothing passes."""
    day.resets += 1
    day.lnd.flowing.clear()
    yield
    day.lnd.resume()


@asynccontextmanager
async def broken_streams(day: Day) -> AsyncIterator[None]:
    """The node breaks its streams off, and goes on."""
    day.resets += 1
    day.lnd.core.restart()
    yield


def _quirk(name: str, *, release: bool = False) -> Fault:
    @asynccontextmanager
    async def change(day: Day) -> AsyncIterator[None]:
        setattr(day.lnd.core.quirks, name, True)
        yield
        setattr(day.lnd.core.quirks, name, False)
        if release:
            day.replays += 1
            day.lnd.core.release_events(shuffled=True)

    return change


@asynccontextmanager
async def lagging_expiry(day: Day) -> AsyncIterator[None]:
    """Expired invoices stay open and payable for a while."""
    day.lnd.core.quirks.watch_expiry = False
    yield
    day.lnd.core.quirks.watch_expiry = True


@asynccontextmanager
async def lost_answers(day: Day) -> AsyncIterator[None]:
    """The next invoices are issued, but LND's answers are lost."""
    day.lnd.core.quirks.lose_answers += day.rng.randint(1, 4)
    yield


@asynccontextmanager
async def clock_jump(day: Day) -> AsyncIterator[None]:
    """The gateway's clock is wrong, up to a day."""
    day.clock_is_off_by = day.rng.choice([-3_600, -61, -2, 2, 61, 3_600, 86_400])
    yield
    day.clock_is_off_by = 0


@asynccontextmanager
async def host_away(day: Day) -> AsyncIterator[None]:
    """No host of an address answers."""
    day.host.away = True
    yield
    day.host.away = False


@asynccontextmanager
async def full_disk(day: Day) -> AsyncIterator[None]:
    """The database cannot grow."""
    day.database.fill(full=True)
    yield
    day.database.fill(full=False)


@asynccontextmanager
async def locked_database(day: Day) -> AsyncIterator[None]:
    """Another process holds the database."""
    day.database.lock(locked=True)
    yield
    day.database.lock(locked=False)


@asynccontextmanager
async def other_applications(day: Day) -> AsyncIterator[None]:
    """The node serves others, too: their invoices are none of ours."""
    core, rng = day.lnd.core, day.rng
    for _ in range(rng.randint(1, 30)):
        core.keysend(rng.randint(1, 10**9))
        row = core.add_invoice(preimage=b"", amount_msat=1_000, memo="", expiry_seconds=60, is_amp=rng.random() < 0.3)
        if rng.random() < 0.7:
            core.pay(row.payment_hash, amount_msat=rng.randint(1_000, 10**6))
    yield


# How often each happens, in a day of a hundred faults.
FAULTS: dict[str, tuple[int, Fault]] = {
    "crash": (18, crash),
    "stop": (4, stop),
    "standing sender": (6, standing_sender),
    "node away": (8, _node_is(NodeState.ABSENT)),
    "node locked": (4, _node_is(NodeState.LOCKED)),
    "node starting": (4, _node_is(NodeState.STARTING)),
    "node restored": (2, restore_the_node),
    "black hole": (8, black_hole),
    "broken streams": (6, broken_streams),
    "stalled stream": (5, _quirk("drop_events")),
    "duplicates": (5, _quirk("duplicate_events")),
    "reorder": (6, _quirk("hold_events", release=True)),
    "no amounts": (4, _quirk("hide_paid_amount")),
    "canceled forgotten": (4, _quirk("forget_canceled")),
    "lagging expiry": (4, lagging_expiry),
    "lost answers": (6, lost_answers),
    "clock jump": (3, clock_jump),
    "host away": (3, host_away),
    "full disk": (4, full_disk),
    "locked database": (2, locked_database),
    "other applications": (3, other_applications),
}


async def befall(day: Day, name: str, *, begins_at: float, lasts_seconds: float) -> None:
    """One fault; of each kind there is one at a time, and those that end the gateway exclude each other."""
    await day.sleep_until(begins_at)
    kind = "gateway" if name in {"crash", "stop", "standing sender"} else "node" if name.startswith("node") else name
    async with day.one_at_a_time[kind]:
        day.fault_begins(name)
        async with FAULTS[name][1](day):
            await asyncio.sleep(lasts_seconds)
        day.fault_ends(name)
