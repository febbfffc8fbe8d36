"""Leases, by which one of many replicas follows and sweeps a node.

They only save work: database constraints keep settlements exact without them.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from gateway.errors import TuppenceError, Unavailable
from gateway.ports.store import Store, Tx
from gateway.supervise import Progress, Work

LEASE_SECONDS = 6.0
"""With a try every 2 s, another replica takes over at most 8 s after the holder's last renewal."""


class Lease:
    """One replica's lease on one node. It is given back while the replica is not `able` to reach the node."""

    def __init__(
        self,
        store: Store,
        node_id: str,
        holder: str,
        *,
        able: Callable[[], bool] = lambda: True,
        renew_every_seconds: float = 2.0,
    ) -> None:
        self._store, self._node_id, self._holder, self._able = store, node_id, holder, able
        self._renew_every_seconds = renew_every_seconds
        self.held, self._lost = asyncio.Event(), asyncio.Event()
        self._lost.set()

    async def keep(self, progress: Progress) -> None:
        """Take the lease when it is free and renew it, for ever. Raises `Unavailable`; the lease is then lost."""
        try:
            while True:
                async with asyncio.timeout(LEASE_SECONDS):
                    self._set(held=await self._store.write(self._take if self._able() else self._leave))
                progress.made()
                await asyncio.sleep(self._renew_every_seconds)
        except TimeoutError as error:
            raise Unavailable("database_away", "The database does not answer; the lease is given up.") from error
        finally:
            self._set(held=False)

    async def while_held(self, work: Work, progress: Progress) -> None:
        """Run `work` while this replica has the lease. Returns or raises when `work` does."""
        while True:
            if not self.held.is_set():
                progress.idle()
            await self.held.wait()
            parts = [asyncio.ensure_future(work(progress)), asyncio.ensure_future(self._lost.wait())]
            try:
                done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
                for part in done:
                    part.result()
            finally:
                for part in parts:
                    part.cancel()
                await asyncio.gather(*parts, return_exceptions=True)
            if not self._lost.is_set():
                return

    async def give_back(self) -> None:
        """End the lease at a stop, so that another replica need not wait for its expiry."""
        with suppress(TuppenceError):
            await self._store.write(self._leave)

    def _take(self, tx: Tx) -> bool:
        return tx.leases.take(self._node_id, self._holder, seconds=LEASE_SECONDS)

    def _leave(self, tx: Tx) -> bool:
        tx.leases.give_back(self._node_id, self._holder)
        return False

    def _set(self, *, held: bool) -> None:
        (set_, cleared) = (self.held, self._lost) if held else (self._lost, self.held)
        set_.set()
        cleared.clear()
