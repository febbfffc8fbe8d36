"""Lists payouts with their tries."""

from collections.abc import Sequence

from gateway.errors import NotFound
from gateway.ports.store import Store, Tx
from gateway.rows.payouts import Payout, Try

PayoutWithTries = tuple[Payout, Sequence[Try]]


async def list_payouts(
    store: Store, *, source_account: str | None, before: str | None, limit: int
) -> list[PayoutWithTries]:
    """The newest first, of one ledger account or of all; with `before`, those older than the payout of this id."""

    def read(tx: Tx) -> list[PayoutWithTries]:
        found = tx.payouts.list(source_account=source_account, before=before, limit=limit)
        return [(payout, tx.tries.of(payout.payout_id)) for payout in found]

    return await store.read(read)


async def find_payout(store: Store, payout_id: str, *, source_account: str | None) -> PayoutWithTries:
    """One payout; of another ledger account it is not found. Raises `NotFound` (`payout_not_found`)."""

    def read(tx: Tx) -> PayoutWithTries | None:
        payout = tx.payouts.get(payout_id)
        return None if payout is None else (payout, tx.tries.of(payout_id))

    found = await store.read(read)
    if found is None or source_account not in {None, found[0].source_account}:
        raise NotFound("payout_not_found", f"There is no payout {payout_id}; `tuppence payout list` lists them.")
    return found
