"""The payouts of a simulated day against what the node has paid: each once, or given back."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, text

from gateway.rows.payouts import TryState
from gateway.simulator.payments.payment import PaymentStatus, SimulatedPayment

GIVEN_BACK = (TryState.FAILED, TryState.RELEASED)

_TRIES = text("SELECT payout_id, state, payment_hash, amount_msat, fee_msat FROM payout_tries")


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutsCheck:
    """Payouts that were paid more than once, payments (by hash) whose money was given back, and other differences.

    `spent_msat` is what the node took for the payments that the books have as paid.
    """

    payouts: int
    paid_twice: frozenset[str]
    released_wrongly: frozenset[str]
    spent_msat: int
    broken: tuple[str, ...]

    @property
    def complaints(self) -> list[str]:
        """Each in words; none when all is well."""
        twice = [f"paid twice: {payout_id[:8]}" for payout_id in sorted(self.paid_twice)]
        return [*twice, *(f"released wrongly: {key[:8]}" for key in sorted(self.released_wrongly)), *self.broken]


def check_payouts(books: Connection, payments: Iterable[SimulatedPayment]) -> PayoutsCheck:
    """Compare the tries in the books with the payments of the node."""
    paid = {row.payment_hash.hex(): row for row in payments if row.status is PaymentStatus.SUCCEEDED}
    tries = books.execute(_TRIES).all()
    times = Counter(payout_id for payout_id, _, key, _, _ in tries if key in paid)
    booked = {key: (amount, fee) for _, state, key, amount, fee in tries if state == TryState.SUCCEEDED}
    broken = [f"paid without a try: {key[:8]}" for key in sorted(paid.keys() - {row.payment_hash for row in tries})]
    broken += [f"booked, and not paid: {key[:8]}" for key in sorted(booked.keys() - paid.keys())]
    broken += [
        f"booked otherwise than paid: {key[:8]}"
        for key, (amount_msat, fee_msat) in booked.items()
        if key in paid and (paid[key].amount_msat, paid[key].fee_msat) != (amount_msat, fee_msat)
    ]
    return PayoutsCheck(
        payouts=len({row.payout_id for row in tries}),
        paid_twice=frozenset(payout_id for payout_id, count in times.items() if count > 1),
        released_wrongly=frozenset(key for _, state, key, _, _ in tries if state in GIVEN_BACK and key in paid),
        spent_msat=sum(row.claims_msat for key, row in paid.items() if key in booked),
        broken=tuple(broken),
    )
