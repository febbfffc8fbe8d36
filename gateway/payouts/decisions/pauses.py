"""The pause of all payouts, by the operator or by a restore; and what a restore leaves to be decided."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from gateway.errors import Conflict
from gateway.payouts.outcomes import fail
from gateway.payouts.payers import PayingNodes
from gateway.payouts.reconcile import PayoutDiscrepancy, lacking
from gateway.ports.clock import Clock
from gateway.ports.store import Store, Tx
from gateway.rows.payouts import RESTORED, Payout, PayoutState, Try, TryState

MOST_ROWS, END_OF_TIME = 1_000_000, 2**62
CLOCKS_DIFFER_SECONDS = 86_400
"""A node dates its payments by its own clock, so those of a day before a backup are compared too."""


class PayoutPause:
    """Pauses and resumes payouts; every replica obeys with its next payment."""

    def __init__(self, nodes: PayingNodes, store: Store, clock: Clock) -> None:
        self._nodes, self._store, self._clock = nodes, store, clock

    async def pause(self, reason: str) -> None:
        """Send nothing more; what is on its way ends as it ends.

        With RESTORED as its reason, payments of any time may be lacking in the books.
        """
        if reason == RESTORED:
            await self._store.write(lambda tx: tx.payout_pauses.pause_restored(since=0))
        else:
            await self._store.write(lambda tx: tx.payout_pauses.pause(reason, now=int(self._clock())))

    async def lacking(self) -> Sequence[PayoutDiscrepancy]:
        """What the nodes have paid since the backup that was restored, and the books lack; empty after any other pause.

        Raises `Unavailable`, also if a node is not the one that the books know.
        """
        pause = await self._store.read(lambda tx: tx.payout_pauses.current())
        if pause is None or pause[0] != RESTORED:
            return []
        payers = [await self._nodes.verified(payer.node_id) for payer in self._nodes]
        since = pause[1] - CLOCKS_DIFFER_SECONDS
        return [found for payer in payers for found in await lacking(payer, self._store, since=since)]

    async def resume(self, *, acknowledged: bool = False) -> bool:
        """Send again; False if payouts were not paused.

        After a restore, what the nodes have paid since must have been looked at; and what the backup knew as under way
        or waiting may have been paid since, so it needs a decision. Raises `Conflict` (`payments_lacking`) and
        `Unavailable`.
        """
        pause = await self._store.read(lambda tx: tx.payout_pauses.current())
        if pause is not None and pause[0] == RESTORED:
            if not acknowledged and (found := await self.lacking()):
                raise _payments_lacking(len(found))
            await self._ask_about_restored()
        return await self._store.write(lambda tx: tx.payout_pauses.resume())

    async def _ask_about_restored(self) -> None:
        """Leave to the operator what the backup knew as under way or waiting. Nothing is reserved meanwhile."""
        now = int(self._clock())
        for try_ in await self._store.read(lambda tx: tx.tries.reserved(limit=MOST_ROWS)):
            await self._store.write(partial(fail, try_=try_, state=TryState.RELEASED, reason=RESTORED, now=now))
        for try_ in await self._store.read(lambda tx: tx.tries.to_check(now=END_OF_TIME, limit=MOST_ROWS)):
            await self._store.write(partial(_mark, try_=try_))
        for payout in await self._store.read(lambda tx: tx.payouts.due(now=END_OF_TIME, limit=MOST_ROWS)):
            await self._store.write(partial(_ask_operator, payout=payout))


def _payments_lacking(count: int) -> Conflict:
    return Conflict(
        "payments_lacking",
        f"The nodes have made {count} payments since the backup that the books lack. Book those that were payouts or "
        "refunds with `tuppence payout record`, then resume with --acknowledged.",
    )


def _mark(tx: Tx, *, try_: Try) -> None:
    """Have a dispatched try ask the operator if it fails. Its sender is no longer there; the guard sees the change."""
    tx.tries.change(replace(try_, reason=RESTORED, sender=RESTORED), was=try_)


def _ask_operator(tx: Tx, *, payout: Payout) -> None:
    tx.payouts.change(replace(payout, state=PayoutState.NEEDS_DECISION, next_try_at=None), was=payout)
