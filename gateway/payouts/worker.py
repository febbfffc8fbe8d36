"""The background work of payouts: dispatches, follows up, retries. One slow payment delays no other."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import structlog

from gateway.errors import OutcomeUnknown, Refused, Unavailable
from gateway.payouts.amounts import Caps
from gateway.payouts.destinations import require_current
from gateway.payouts.dispatch import Dispatcher
from gateway.payouts.follow_up import FollowUp
from gateway.payouts.outcomes import after_failure
from gateway.payouts.reservations import lock_accounts, released_try, reserve_try
from gateway.ports.clock import Clock
from gateway.ports.store import Store, Tx
from gateway.rows.payouts import Payout, PayoutState, Try
from gateway.supervise import Progress

MOST_AT_ONCE, MOST_PER_ACCOUNT = 64, 2
"""How many tries are under way at once, and of one ledger account, so that slow ones delay nobody else's."""
ROWS_AT_ONCE = 1_000
ALSO_EVERY_SECONDS = 60
SHORTEST_PAUSE_SECONDS = 0.05

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Found:
    """What one look at the database finds to do."""

    due: Sequence[Payout]
    reserved: Sequence[Try]
    to_check: Sequence[Try]


class PayoutWorker:
    """Does what is due, a few at a time. `also` is called every minute: rules and expired refunds."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        follow_up: FollowUp,
        store: Store,
        clock: Clock,
        *,
        caps: Caps,
        also: Sequence[Callable[[], Awaitable[object]]] = (),
    ) -> None:
        self._dispatcher, self._follow_up, self._store, self._clock = dispatcher, follow_up, store, clock
        self._caps, self._also = caps, also
        self._also_done_at: int | None = None
        self._tasks: dict[tuple[str, str, int], asyncio.Task[bool]] = {}
        self._is_full, self._has_room = False, asyncio.Event()

    async def run(self, progress: Progress, *, every_seconds: float) -> None:
        """Look for what is due, for ever. Raises `Unavailable` and `OutcomeUnknown` of the store."""
        try:
            while True:
                await self.look()
                progress.made()
                await self._pause(every_seconds)
        finally:
            await self._stop()

    async def look(self) -> None:
        """Start what is due; payments go on when this has returned. `settle_down` waits for them.

        Where nothing is due it reads the database once, in one transaction.
        """
        await self._do_also()
        now = int(self._clock())
        found = await self._store.read(partial(_find, now=now))
        for payout in found.due:
            await self._store.write(partial(_reserve_again, payout=payout, caps=self._caps, now=now))
        if found.due:
            found = await self._store.read(partial(_find, now=now))
        self._is_full = False
        self._has_room.clear()
        self._begin(found.reserved, self._dispatcher.dispatch)
        self._begin(found.to_check, self._follow_up.follow)

    async def settle_down(self) -> None:
        """Wait until nothing that was started is under way."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))
            await asyncio.sleep(0)

    def _begin(self, tries: Sequence[Try], work: Callable[[Try], Awaitable[None]]) -> None:
        for try_ in tries:
            key = (try_.source_account, try_.payout_id, try_.n)
            of_account = sum(account == try_.source_account for account, _, _ in self._tasks)
            if key in self._tasks:
                continue
            if of_account >= MOST_PER_ACCOUNT or len(self._tasks) >= MOST_AT_ONCE:
                self._is_full = True
                continue
            task = self._tasks[key] = asyncio.create_task(self._guarded(try_, work))
            task.add_done_callback(partial(self._ended, key))

    def _ended(self, key: tuple[str, str, int], task: asyncio.Task[bool]) -> None:
        del self._tasks[key]
        if task.cancelled():
            return
        # A defect of one payout stops no other; the row is looked at again.
        if (error := task.exception()) is not None:
            log.error("payout_defect", payout_id=key[1], n=key[2], exc_info=error)
        elif task.result():
            self._has_room.set()

    async def _guarded(self, try_: Try, work: Callable[[Try], Awaitable[None]]) -> bool:
        """False if it was interrupted."""
        try:
            await work(try_)
        except (Unavailable, OutcomeUnknown) as error:
            # The row says what to do next; the next round does it.
            log.warning("payout_interrupted", payout_id=try_.payout_id, n=try_.n, code=error.code)
            return False
        return True

    async def _do_also(self) -> None:
        """Call `also`, a minute or more after the last time."""
        now = int(self._clock())
        # A clock that was set back delays nothing for longer than that.
        if self._also_done_at is not None and abs(now - self._also_done_at) < ALSO_EVERY_SECONDS:
            return
        for work in self._also:
            await work()
        self._also_done_at = now

    async def _pause(self, seconds: float) -> None:
        """Wait for the next round; it comes early if this one left something out and there is room for it."""
        if not self._is_full:
            await asyncio.sleep(seconds)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._has_room.wait()
                await asyncio.sleep(SHORTEST_PAUSE_SECONDS)

    async def _stop(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _find(tx: Tx, *, now: int) -> _Found:
    return _Found(
        due=tx.payouts.due(now=now, limit=ROWS_AT_ONCE),
        reserved=tx.tries.reserved(limit=ROWS_AT_ONCE),
        to_check=tx.tries.to_check(now=now, limit=ROWS_AT_ONCE),
    )


def _reserve_again(tx: Tx, *, payout: Payout, caps: Caps, now: int) -> None:
    """Reserve the next try of a waiting payout; what forbids it counts as a try that was released, but for a pause."""
    if tx.payout_pauses.lock() is not None:
        return
    lock_accounts(tx, payout.source_account)
    waiting = tx.payouts.lock(payout.payout_id)
    if waiting is None or waiting.state is not PayoutState.WAITING:
        return
    n = len(tx.tries.of(waiting.payout_id))
    try:
        require_current(tx, waiting, now=now)
        reserve_try(tx, waiting, n=n, caps=caps, now=now)
    except Refused as refusal:
        released = released_try(waiting, n=n, reason=refusal.code, now=now)
        tx.tries.insert(released)
        tx.payouts.change(after_failure(waiting, released, now=now), was=waiting)
    else:
        tx.payouts.change(replace(waiting, state=PayoutState.TRYING, next_try_at=None), was=waiting)
