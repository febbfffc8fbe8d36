"""Runs work on many tries at once: so many at most, a few of each ledger account, and the accounts in turn."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import structlog

from gateway.errors import OutcomeUnknown, Unavailable
from gateway.rows.payouts import Try

MOST_AT_ONCE, MOST_PER_ACCOUNT = 64, 2
"""How many tries are under way at once, and of one ledger account, so that slow ones delay nobody else's."""

Key = tuple[str, int]

log = structlog.get_logger()


class Slots:
    """What runs of one kind of work. `has_room` is set whenever one ends that was not interrupted."""

    def __init__(self, work: Callable[[Try], Awaitable[None]], has_room: asyncio.Event) -> None:
        self._work, self._has_room = work, has_room
        self._tasks: dict[Key, asyncio.Task[bool]] = {}
        self._of_account: Counter[str] = Counter()
        self._begun, self._newest = 0, dict[str, int]()

    def __contains__(self, try_: Try) -> bool:
        return (try_.payout_id, try_.n) in self._tasks

    def tasks(self) -> list[asyncio.Task[bool]]:
        """What is under way."""
        return list(self._tasks.values())

    def begin(self, tries: Sequence[Try]) -> bool:
        """Start work on tries, the oldest first, that is not under way; False if there is no room for all.

        The account of which one was started the longest ago comes first.
        """
        waiting = [try_ for try_ in tries if try_ not in self]
        accounts = {try_.source_account for try_ in tries}
        self._newest = {account: at for account, at in self._newest.items() if account in accounts}
        left_out = 0
        for try_ in sorted(waiting, key=lambda each: self._newest.get(each.source_account, 0)):
            account = try_.source_account
            if len(self._tasks) >= MOST_AT_ONCE or self._of_account[account] >= MOST_PER_ACCOUNT:
                left_out += 1
                continue
            self._begun += 1
            self._newest[account] = self._begun
            self._of_account[account] += 1
            task = self._tasks[try_.payout_id, try_.n] = asyncio.create_task(self._guarded(try_))
            task.add_done_callback(partial(self._ended, try_))
        return not left_out

    async def _guarded(self, try_: Try) -> bool:
        """False if it was interrupted."""
        try:
            await self._work(try_)
        except (Unavailable, OutcomeUnknown) as error:
            # The row says what to do next; the next round does it.
            log.warning("payout_interrupted", payout_id=try_.payout_id, n=try_.n, code=error.code)
            return False
        return True

    def _ended(self, try_: Try, task: asyncio.Task[bool]) -> None:
        del self._tasks[try_.payout_id, try_.n]
        self._of_account.subtract([try_.source_account])
        self._of_account += Counter()  # drops those that are 0
        if task.cancelled():
            return
        # A defect of one payout stops no other; the row is looked at again.
        if (error := task.exception()) is not None:
            log.error("payout_defect", payout_id=try_.payout_id, n=try_.n, exc_info=error)
        elif task.result():
            self._has_room.set()
