"""Lists what was paid and what creators are owed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.books.ledger import CREATOR_PREFIX, creator_account
from gateway.ports.store import Store, Tx
from gateway.rows import Balance, Payment, Transfer
from gateway.rows.payouts import Destination, PayoutState


async def list_payments(
    store: Store, *, after_position: int, limit: int, creator: str | None
) -> list[tuple[Payment, Sequence[Transfer]]]:
    """Payments with their transfers, in the order of booking; with `creator` those from which they were credited."""

    def read(tx: Tx) -> list[tuple[Payment, Sequence[Transfer]]]:
        payments = tx.events.payments(after_position=after_position, limit=limit, creator=creator)
        transfers = tx.ledger.of_payments([payment.invoice.payment_hash for payment in payments])
        return [(payment, transfers[payment.invoice.payment_hash]) for payment in payments]

    return await store.read(read)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatorBalance:
    """What a creator is owed: `balance_msat` is available, `on_its_way_msat` is being paid out."""

    creator: str
    balance_msat: int
    on_its_way_msat: int
    destination: Destination | None


async def list_balances(store: Store, *, creator: str | None) -> list[CreatorBalance]:
    """The balance of every creator who was ever credited, or of one."""
    only = None if creator is None else creator_account(creator)

    def read(tx: Tx) -> list[CreatorBalance]:
        destinations = {destination.creator: destination for destination in tx.destinations.list()}
        return [
            _balance(tx, balance, destinations)
            for balance in tx.ledger.balances()
            if balance.account.startswith(CREATOR_PREFIX) and only in {None, balance.account}
        ]

    return await store.read(read)


def _balance(tx: Tx, balance: Balance, destinations: Mapping[str, Destination]) -> CreatorBalance:
    name = balance.account.removeprefix(CREATOR_PREFIX)
    trying = [payout for payout in tx.payouts.open_of(balance.account) if payout.state is PayoutState.TRYING]
    return CreatorBalance(
        creator=name,
        balance_msat=balance.balance_msat,
        on_its_way_msat=sum(payout.amount_msat + payout.fee_limit_msat for payout in trying),
        destination=destinations.get(name),
    )
