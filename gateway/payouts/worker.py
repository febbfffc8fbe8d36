"""The background work of payouts: dispatches, follows up, retries. One slow payment delays no other."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from gateway.errors import Refused
from gateway.payouts.amounts import Caps
from gateway.payouts.claims import lock_payout
from gateway.payouts.destinations import require_current
from gateway.payouts.dispatch import Dispatcher
from gateway.payouts.follow_up import FollowUp
from gateway.payouts.outcomes import after_failure, change_unpaid, is_invoice
from gateway.payouts.reservations import lock_accounts, released_try, reserve_try
from gateway.payouts.slots import Slots
from gateway.ports.clock import Clock
from gateway.ports.store import Store, Tx
from gateway.rows.payouts import Payout, PayoutState, Try
from gateway.supervise import Progress, survive

ROWS_AT_ONCE = 1_000
ALSO_EVERY_SECONDS = 60
SHORTEST_PAUSE_SECONDS = 0.05


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
        self._store, self._clock, self._caps, self._also = store, clock, caps, also
        self._also_done_at: int | None = None
        self._is_full, self._has_room = False, asyncio.Event()
        # Each has room of its own: payments that nodes hold delay no look at how others ended.
        self._sending, self._following = (
            Slots(work, self._has_room) for work in (dispatcher.dispatch, follow_up.follow)
        )

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
            await survive(self._store.write(partial(_reserve_again, payout=payout, caps=self._caps, now=now)), "retry")
        if found.due:
            found = await self._store.read(partial(_find, now=now))
        self._has_room.clear()
        to_check = [try_ for try_ in found.to_check if try_ not in self._sending]
        self._is_full = not all([self._sending.begin(found.reserved), self._following.begin(to_check)])

    async def settle_down(self) -> None:
        """Wait until nothing that was started is under way."""
        while tasks := self._tasks():
            await asyncio.wait(tasks)
            await asyncio.sleep(0)

    async def _do_also(self) -> None:
        """Call `also`, a minute or more after the last time."""
        now = int(self._clock())
        # A clock that was set back delays nothing for longer than that.
        if self._also_done_at is not None and abs(now - self._also_done_at) < ALSO_EVERY_SECONDS:
            return
        for work in self._also:
            await survive(work(), "payouts")
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

    def _tasks(self) -> list[asyncio.Task[bool]]:
        return [*self._sending.tasks(), *self._following.tasks()]

    async def _stop(self) -> None:
        tasks = self._tasks()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _find(tx: Tx, *, now: int) -> _Found:
    due = tx.payouts.due(now=now, limit=ROWS_AT_ONCE)
    return _Found(
        due=[] if due and tx.payout_pauses.current() is not None else due,
        reserved=tx.tries.reserved(limit=ROWS_AT_ONCE),
        to_check=tx.tries.to_check(now=now, limit=ROWS_AT_ONCE),
    )


def _reserve_again(tx: Tx, *, payout: Payout, caps: Caps, now: int) -> None:
    """Reserve the next try of a waiting payout; what forbids it counts as a try that was released, but for a pause."""
    lock_accounts(tx, payout.source_account)
    if tx.payout_pauses.lock() is not None:
        return
    waiting = lock_payout(tx, payout.payout_id)
    if waiting is None or waiting.state is not PayoutState.WAITING:
        return
    earlier = tx.tries.of(waiting.payout_id)
    # A pasted invoice is the same at every try.
    n, expires_at = len(earlier), earlier[-1].expires_at if is_invoice(waiting.destination) else None
    try:
        require_current(tx, waiting, now=now)
        reserve_try(tx, waiting, n=n, caps=caps, now=now, expires_at=expires_at)
    except Refused as refusal:
        released = released_try(waiting, n=n, reason=refusal.code, now=now, expires_at=expires_at)
        tx.tries.insert(released)
        change_unpaid(tx, waiting, after_failure(waiting, released, now=now))
    else:
        tx.payouts.change(replace(waiting, state=PayoutState.TRYING, next_try_at=None), was=waiting)
