"""Who asks for an invoice while others are being read shares the next read: thousands of waiters cost a few reads."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.ports import Store, Tx
from gateway.rows import Invoice

MOST_IN_A_STATEMENT = 500

Rows = Mapping[str, Invoice]


@dataclass(slots=True)
class _Batch:
    payment_hashes: set[str] = field(default_factory=set)
    read: asyncio.Task[Rows] | None = None


class SharedReads:
    """Reads of invoices by payment hash, one transaction at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._next: _Batch | None = None
        self._running: asyncio.Task[Rows] | None = None

    async def invoice(self, payment_hash: str) -> Invoice | None:
        """The row as it is after this was called. Raises `Unavailable`."""
        if self._next is None:
            self._next = _Batch()
            self._next.read = asyncio.create_task(self._read(self._next))
            # It may fail when everyone who asked has gone.
            self._next.read.add_done_callback(lambda read: read.cancelled() or read.exception())
        batch = self._next
        batch.payment_hashes.add(payment_hash)
        assert batch.read is not None, "set above"
        return (await asyncio.shield(batch.read)).get(payment_hash)

    async def _read(self, batch: _Batch) -> Rows:
        if self._running is not None:
            await asyncio.wait([self._running])
        # From here on nobody joins: the row could have changed since it was read.
        self._next, self._running = None, batch.read
        wanted = sorted(batch.payment_hashes)
        return await self._store.read(lambda tx: _rows(tx, wanted))


def _rows(tx: Tx, wanted: Sequence[str]) -> Rows:
    parts = [wanted[start : start + MOST_IN_A_STATEMENT] for start in range(0, len(wanted), MOST_IN_A_STATEMENT)]
    return {invoice.payment_hash: invoice for part in parts for invoice in tx.invoices.get_many(part)}
