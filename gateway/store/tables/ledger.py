"""Transfers, which are immutable, and the balances that they sum to."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from gateway.errors import Conflict
from gateway.money import Msat
from gateway.rows import Balance, Transfer
from gateway.store.tables.insert import InsertOrIgnore
from gateway.store.tables.schema import accounts, transfers

_COLUMNS = tuple(column.name for column in transfers.columns)
_POST = insert(transfers)
_OPEN_ACCOUNT = InsertOrIgnore(accounts)
_MOVE = (
    update(accounts)
    .where(accounts.c.account == bindparam("moved"))
    .values(balance_msat=accounts.c.balance_msat + bindparam("by_msat"))
)
_SELECT = select(transfers).order_by(transfers.c.code, transfers.c.n)
_OF_PAYOUT = _SELECT.where(transfers.c.payout_id == bindparam("owner"))
_OF_REFUND = _SELECT.where(transfers.c.refund_of == bindparam("owner"))
_OF_PAYMENTS = (
    select(transfers)
    .where(transfers.c.payment_hash.in_(bindparam("hashes", expanding=True)))
    .order_by(transfers.c.payment_hash, transfers.c.code, transfers.c.n)
)
_MOST_PARAMETERS = 500
_BALANCE = select(accounts.c.balance_msat).where(accounts.c.account == bindparam("called"))
# A payout's account is empty once it has ended, and there is one for each.
_BALANCES = (
    select(accounts)
    .where(
        or_(
            accounts.c.balance_msat != 0,
            and_(accounts.c.account.not_like("payout:%"), accounts.c.account.not_like("refund:%")),
        )
    )
    .order_by(accounts.c.account)
)


class LedgerRows:
    """Satisfies `ports.Ledger`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def post(self, posted: Sequence[Transfer]) -> None:
        if not posted:
            return
        self._connection.execute(_POST, [{name: getattr(transfer, name) for name in _COLUMNS} for transfer in posted])
        moves: Counter[str] = Counter()
        for transfer in posted:
            moves[transfer.credit_account] += transfer.amount_msat
            moves[transfer.debit_account] -= transfer.amount_msat
        # All transactions update accounts in this order, so that two of them cannot deadlock.
        for account in sorted(moves, key=_order):
            self._move(account, moves[account])

    def of_payment(self, payment_hash: str) -> Sequence[Transfer]:
        return self.of_payments([payment_hash])[payment_hash]

    def of_payout(self, payout_id: str) -> Sequence[Transfer]:
        return [_transfer(row) for row in self._connection.execute(_OF_PAYOUT, {"owner": payout_id})]

    def of_refund(self, payment_hash: str) -> Sequence[Transfer]:
        return [_transfer(row) for row in self._connection.execute(_OF_REFUND, {"owner": payment_hash})]

    def of_payments(self, payment_hashes: Sequence[str]) -> Mapping[str, Sequence[Transfer]]:
        found: dict[str, list[Transfer]] = {payment_hash: [] for payment_hash in payment_hashes}
        for start in range(0, len(payment_hashes), _MOST_PARAMETERS):
            some = {"hashes": payment_hashes[start : start + _MOST_PARAMETERS]}
            for row in self._connection.execute(_OF_PAYMENTS, some):
                found[row.payment_hash].append(_transfer(row))
        return found

    def balance_msat(self, account: str) -> Msat:
        return Msat(self._connection.execute(_BALANCE, {"called": account}).scalar() or 0)

    def balances(self) -> Sequence[Balance]:
        return [Balance(**row._mapping) for row in self._connection.execute(_BALANCES)]

    def _move(self, account: str, by_msat: int) -> None:
        values = {"moved": account, "by_msat": by_msat}
        try:
            if self._connection.execute(_MOVE, values).rowcount == 0:
                self._connection.execute(_OPEN_ACCOUNT, {"account": account, "balance_msat": 0})
                self._connection.execute(_MOVE, values)
        except IntegrityError as error:
            raise Conflict("balance_too_low", f"{account} holds less than that: see the balances.") from error


def _order(account: str) -> tuple[bool, str]:
    """Nodes first: what was paid is booked in one step, and what then returns to creators in another."""
    return not account.startswith("node:"), account


def _transfer(row: Row[Any]) -> Transfer:
    return Transfer(**row._asdict() | {"amount_msat": Msat(row.amount_msat)})
