"""Deletes what is no longer needed: unpaid invoices, payment requests, the notes beside tips."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import structlog

from gateway.errors import Unauthorized
from gateway.ports.clock import Clock
from gateway.ports.store import Store, Tx

DAY_SECONDS = 86_400
# Counted from the cancellation by LND: an invoice that may still be paid is kept.
UNPAID_SECONDS = DAY_SECONDS
# Counted from the end of the claim: where a payer had a refund sent, a Lightning Address perhaps.
CLAIM_DESTINATION_SECONDS = DAY_SECONDS
PAYMENT_REQUEST_SECONDS = 30 * DAY_SECONDS
# Counted from expiry, even with `at_once`: by then no replica accepts the code again, however slow its clock.
USED_CODE_SECONDS = DAY_SECONDS
ROWS_A_STEP = 500

log = structlog.get_logger()

_Step = Callable[[Tx], tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """The number of deleted invoices, payment requests, notes, and destinations of refunds."""

    unpaid: int
    payment_requests: int
    notes: int
    destinations: int = 0

    def __bool__(self) -> bool:
        return bool(self.unpaid or self.payment_requests or self.notes or self.destinations)


class Compact(Protocol):
    """Removes deleted rows from the database's files; with `whole`, also those deleted long ago."""

    def __call__(self, *, whole: bool) -> Awaitable[None]: ...


class Purger:
    """Deletes expired records in short transactions. Several replicas may do so at once."""

    def __init__(self, store: Store, clock: Clock, compact: Compact, *, note_seconds: int) -> None:
        self._store, self._clock, self._compact, self._note_seconds = store, clock, compact, note_seconds

    async def purge(self, *, at_once: bool = False) -> Purged:
        """Delete expired records.

        With `at_once`, ignore their age (the invoice must still be final at LND) and rewrite the database files.

        Raises `Unavailable` (`database_away`, `database_busy`).
        """
        now = int(self._clock())
        unpaid, requests, notes, claims = (
            now - (0 if at_once else seconds)
            for seconds in (
                UNPAID_SECONDS,
                PAYMENT_REQUEST_SECONDS,
                self._note_seconds,
                CLAIM_DESTINATION_SECONDS,
            )
        )
        purged = Purged(
            unpaid=await self._all(partial(_unpaid, until=unpaid)),
            payment_requests=await self._all(partial(_payment_requests, until=requests)),
            notes=await self._all(partial(_notes, until=notes)),
            destinations=await self._all(partial(_claim_destinations, until=claims)),
        )
        await self._all(partial(_used_codes, until=now - USED_CODE_SECONDS))
        if purged or at_once:
            await self._compact(whole=at_once)
        if purged:
            log.info("purged", unpaid=purged.unpaid, requests=purged.payment_requests, notes=purged.notes)
        return purged

    async def purge_notes_to(self, creator: str, *, key_id: str | None = None) -> int:
        """Delete every note beside a creator's tips, with `key_id` only while that key is theirs. Returns their number.

        Raises `Unauthorized` (`api_key_wrong`), and as `purge` does.
        """

        def delete(tx: Tx) -> int:
            if key_id is not None and not tx.creators.has_key(creator, key_id):
                raise Unauthorized(
                    "api_key_wrong", "The API key is no longer known; `tuppence creator key rotate` makes a new one."
                )
            return tx.purges.notes_to(creator)

        deleted = await self._store.write(delete)
        if deleted:
            await self._compact(whole=False)
        return deleted

    async def _all(self, step: _Step) -> int:
        total = 0
        while True:
            passed, deleted = await self._store.write(step)
            total += deleted
            if passed < ROWS_A_STEP:
                return total


def _unpaid(tx: Tx, *, until: int) -> tuple[int, int]:
    return tx.purges.unpaid(canceled_until=until, limit=ROWS_A_STEP)


def _payment_requests(tx: Tx, *, until: int) -> tuple[int, int]:
    return tx.purges.payment_requests(booked_until=until, limit=ROWS_A_STEP)


def _used_codes(tx: Tx, *, until: int) -> tuple[int, int]:
    return tx.purges.used_codes(expired_until=until, limit=ROWS_A_STEP)


def _claim_destinations(tx: Tx, *, until: int) -> tuple[int, int]:
    return tx.purges.claim_destinations(ended_until=until, limit=ROWS_A_STEP)


def _notes(tx: Tx, *, until: int) -> tuple[int, int]:
    return tx.purges.notes(booked_until=until, limit=ROWS_A_STEP)
