"""Where a creator is paid. A change by the creator's key takes effect after a delay, as the key may be stolen."""

from dataclasses import replace
from functools import partial

from gateway.books.ledger import CREATOR_PREFIX
from gateway.catalog.api_keys import Caller
from gateway.errors import Conflict
from gateway.ports.addresses import AddressHosts
from gateway.ports.store import Store, Tx
from gateway.rows.payouts import UNBOUND_ASKERS, Destination, Payout


async def set_destination(
    store: Store, hosts: AddressHosts, *, creator: str, address: str, caller: Caller, now: int, delay_seconds: int
) -> Destination:
    """Set where a creator is paid; returns what is in use and what is to come.

    The operator's word takes effect at once. Otherwise the old address stays in use for the delay, and setting it again
    cancels the change. Raises `Forbidden` (`not_yours`), `Invalid` as `AddressHosts.check`, `Unauthorized`.
    """
    caller.may_sell_as(creator)
    address = hosts.check(address)
    delay_seconds = delay_seconds if caller.creator is not None else 0
    work = partial(_set, creator=creator, address=address, caller=caller, now=now, delay_seconds=delay_seconds)
    return await store.write(work)


def address_in_use(tx: Tx, source_account: str, *, now: int) -> str:
    """Where the creator of an account is paid; empty if there is no destination in effect."""
    destination = tx.destinations.get(source_account.removeprefix(CREATOR_PREFIX))
    return destination.address_at(now) if destination is not None else ""


def require_current(tx: Tx, payout: Payout, *, now: int) -> None:
    """Raise `Conflict` (`destination_changed`) if a creator's payout goes where that creator is no longer paid.

    The operator and payers name a destination of their own.
    """
    is_own = payout.asked_by in UNBOUND_ASKERS
    if not is_own and payout.destination != address_in_use(tx, payout.source_account, now=now):
        raise Conflict("destination_changed", "The destination was replaced since this was asked for; ask anew.")


def _set(tx: Tx, *, creator: str, address: str, caller: Caller, now: int, delay_seconds: int) -> Destination:
    caller.check(tx)
    before = tx.destinations.lock(creator)
    after = changed(before, creator=creator, address=address, now=now, delay_seconds=delay_seconds)
    tx.destinations.put(after)
    return after


def changed(before: Destination | None, *, creator: str, address: str, now: int, delay_seconds: int) -> Destination:
    """A creator's destination after a change."""
    in_use = before.address_at(now) if before is not None else ""
    settled = Destination(creator=creator, address=in_use, next_address=None, next_at=None, changed_at=now)
    if address == in_use:
        return settled
    if not delay_seconds:
        return replace(settled, address=address)
    if before is not None and before.next_address == address and before.address_at(now) == before.address:
        # Asking for the same change again does not begin its delay anew.
        return before
    return replace(settled, next_address=address, next_at=now + delay_seconds)
