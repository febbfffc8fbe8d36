"""Deletion of expired data, in steps. Counters hold the event position up to which each kind was purged."""

from sqlalchemy import BindParameter, Connection, and_, bindparam, delete, literal_column, or_, select, update

from gateway.rows import InvoiceState
from gateway.store.tables.counters import current, move
from gateway.store.tables.schema import (
    NOTES_PURGED,
    REQUESTS_PURGED,
    events,
    invoices,
    payout_tries,
    payouts,
    tip_notes,
    used_codes,
)

_AMONG: BindParameter[str] = bindparam("hashes", expanding=True)
_BOOKED = (
    select(events.c.position, events.c.payment_hash, events.c.created_at)
    .where(events.c.position > bindparam("after"))
    .order_by(events.c.position)
    .limit(bindparam("most"))
)
_CANCELED = (
    select(invoices.c.payment_hash)
    # A literal, because the planner does not match a parameter with the partial index.
    .where(invoices.c.state == literal_column("'canceled'"))
    .where(
        or_(
            invoices.c.canceled_at <= bindparam("until"),
            # Canceled by a replica of an earlier release, which did not record when.
            and_(invoices.c.canceled_at.is_(None), invoices.c.expires_at <= bindparam("until")),
        )
    )
    .order_by(invoices.c.canceled_at, invoices.c.payment_hash)
    .limit(bindparam("most"))
    .with_for_update()
)
_DELETE_CANCELED = delete(invoices).where(
    invoices.c.payment_hash.in_(_AMONG), invoices.c.state == InvoiceState.CANCELED.value
)
_DELETE_NOTES = delete(tip_notes).where(tip_notes.c.payment_hash.in_(_AMONG))
_DELETE_NOTES_TO = delete(tip_notes).where(
    select(literal_column("1"))
    .where(
        invoices.c.payment_hash == tip_notes.c.payment_hash,
        invoices.c.tip_to == bindparam("creator"),
        invoices.c.state == InvoiceState.SETTLED.value,
    )
    .exists()
)
_EXPIRED_CODES = (
    select(used_codes.c.code_hash).where(used_codes.c.expires_at <= bindparam("until")).limit(bindparam("most"))
)
_DELETE_CODES = delete(used_codes).where(used_codes.c.code_hash.in_(_AMONG))
_EMPTY_REQUESTS = (
    update(invoices)
    .where(invoices.c.payment_hash.in_(_AMONG), invoices.c.payment_request != "")
    .values(payment_request="")
)
_ENDED_CLAIMS = (
    select(payouts.c.payout_id)
    # Literals, because the planner does not match a parameter with the partial index.
    .where(payouts.c.asked_by == literal_column("'payer'"), payouts.c.destination != literal_column("''"))
    .where(payouts.c.ended_at <= bindparam("until"))
    .order_by(payouts.c.ended_at, payouts.c.payout_id)
    .limit(bindparam("most"))
    .with_for_update(key_share=True)
)
_EMPTY_TRIES = update(payout_tries).where(payout_tries.c.payout_id.in_(_AMONG)).values(payment_request=None)
_EMPTY_DESTINATIONS = update(payouts).where(payouts.c.payout_id.in_(_AMONG)).values(destination="")


class PurgeRows:
    """Satisfies `ports.Purges`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def unpaid(self, *, canceled_until: int, limit: int) -> tuple[int, int]:
        values = {"until": canceled_until, "most": limit}
        found = [*self._connection.execute(_CANCELED, values).scalars()]
        if not found:
            return 0, 0
        self._connection.execute(_DELETE_NOTES, {"hashes": found})
        return len(found), self._connection.execute(_DELETE_CANCELED, {"hashes": found}).rowcount

    def payment_requests(self, *, booked_until: int, limit: int) -> tuple[int, int]:
        found = self._booked(REQUESTS_PURGED, booked_until, limit)
        return len(found), self._connection.execute(_EMPTY_REQUESTS, {"hashes": found}).rowcount if found else 0

    def notes(self, *, booked_until: int, limit: int) -> tuple[int, int]:
        found = self._booked(NOTES_PURGED, booked_until, limit)
        return len(found), self._connection.execute(_DELETE_NOTES, {"hashes": found}).rowcount if found else 0

    def used_codes(self, *, expired_until: int, limit: int) -> tuple[int, int]:
        found = [*self._connection.execute(_EXPIRED_CODES, {"until": expired_until, "most": limit}).scalars()]
        return len(found), self._connection.execute(_DELETE_CODES, {"hashes": found}).rowcount if found else 0

    def claim_destinations(self, *, ended_until: int, limit: int) -> tuple[int, int]:
        found = [*self._connection.execute(_ENDED_CLAIMS, {"until": ended_until, "most": limit}).scalars()]
        if not found:
            return 0, 0
        self._connection.execute(_EMPTY_TRIES, {"hashes": found})
        return len(found), self._connection.execute(_EMPTY_DESTINATIONS, {"hashes": found}).rowcount

    def notes_to(self, creator: str) -> int:
        return self._connection.execute(_DELETE_NOTES_TO, {"creator": creator}).rowcount

    def _booked(self, counter: str, until: int, limit: int) -> list[str]:
        """The next payments that were booked until then; the counter advances past them."""
        after = current(self._connection, counter)
        rows = self._connection.execute(_BOOKED, {"after": after, "most": limit}).all()
        # In commit order. The clocks of replicas may differ, so the first row that is too new ends the step.
        found = []
        for position, payment_hash, created_at in rows:
            if created_at > until:
                break
            found.append(payment_hash)
            last = position
        if found:
            move(self._connection, counter, since=after, to=last)
        return found
