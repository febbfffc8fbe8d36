"""Lists what was paid and what creators are owed."""

from collections.abc import Sequence

from gateway.books.ledger import CREATOR_PREFIX, creator_account
from gateway.ports.store import Store, Tx
from gateway.rows import Payment, Transfer


async def list_payments(
    store: Store, *, after_position: int, limit: int, creator: str | None
) -> list[tuple[Payment, Sequence[Transfer]]]:
    """Payments with their transfers, in the order of booking; with `creator` those from which they were credited."""

    def read(tx: Tx) -> list[tuple[Payment, Sequence[Transfer]]]:
        payments = tx.events.payments(after_position=after_position, limit=limit, creator=creator)
        transfers = tx.ledger.of_payments([payment.invoice.payment_hash for payment in payments])
        return [(payment, transfers[payment.invoice.payment_hash]) for payment in payments]

    return await store.read(read)


async def list_balances(store: Store, *, creator: str | None) -> list[tuple[str, int]]:
    """(creator, balance in msat) of every creator who was ever credited, or of one."""
    only = None if creator is None else creator_account(creator)
    balances = await store.read(lambda tx: tx.ledger.balances())
    return [
        (balance.account.removeprefix(CREATOR_PREFIX), balance.balance_msat)
        for balance in balances
        if balance.account.startswith(CREATOR_PREFIX) and only in {None, balance.account}
    ]
