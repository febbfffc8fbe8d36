"""Lists what was paid and what creators are owed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.books.ledger import CREATOR_PREFIX, creator_account
from gateway.books.receipt_numbers import hashes_of, read_receipt_number, receipt_number
from gateway.ports.store import Store, Tx
from gateway.rows import Balance, Payment, Transfer
from gateway.rows.payouts import Destination, PayoutState

MOST_ALIKE = 100
"""The most payments that are compared with a number; that so many share its letters does not happen."""


BookedPayment = tuple[Payment, Sequence[Transfer]]
"""A payment with its transfers."""


async def list_payments(store: Store, *, after_position: int, limit: int, creator: str | None) -> list[BookedPayment]:
    """Payments in the order of booking; with `creator` those from which they were credited."""

    def read(tx: Tx) -> list[BookedPayment]:
        payments = tx.events.payments(after_position=after_position, limit=limit, creator=creator)
        return _with_transfers(tx, payments)

    return await store.read(read)


async def find_payments(store: Store, typed: str, *, creator: str | None) -> list[BookedPayment]:
    """The payments with the number of a receipt: one, as good as always. With `creator` as in `list_payments`.

    Raises `Invalid` (`receipt_number_malformed`).
    """
    number = read_receipt_number(typed)
    lowest, highest = hashes_of(number)

    def read(tx: Tx) -> list[BookedPayment]:
        found = tx.events.payments_between(lowest, highest, limit=MOST_ALIKE, creator=creator)
        return _with_transfers(tx, [payment for payment in found if _number_of(payment) == number])

    return await store.read(read)


def _number_of(payment: Payment) -> str:
    return receipt_number(payment.invoice.payment_hash, payment.invoice.settled_at or 0)


def _with_transfers(tx: Tx, payments: Sequence[Payment]) -> list[BookedPayment]:
    transfers = tx.ledger.of_payments([payment.invoice.payment_hash for payment in payments])
    return [(payment, transfers[payment.invoice.payment_hash]) for payment in payments]


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
