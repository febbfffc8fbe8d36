"""The books of a simulated day against what LND has settled and paid: all of it once, to the millisatoshi."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, text

from gateway.simulator.payments.payment import SimulatedPayment
from gateway.store.engines.invariants import audit
from tools.days.payouts_check import PayoutsCheck, check_payouts

_CREDITED = text(
    "SELECT payment_hash, SUM(amount_msat) FROM transfers WHERE payment_hash IS NOT NULL GROUP BY payment_hash"
)
_OWED = text("SELECT COALESCE(SUM(balance_msat), 0) FROM accounts WHERE account NOT LIKE 'node:%'")


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksCheck:
    """Payments that were lost or credited twice, msat that do not add up, and invariants that broke."""

    credited: int
    lost: frozenset[str]
    double: frozenset[str]
    drift_msat: int
    broken: tuple[str, ...]
    payouts: PayoutsCheck

    @property
    def complaints(self) -> list[str]:
        """Each in words; none when all is well."""
        found = [f"lost: {key[:8]}" for key in sorted(self.lost)] + [
            f"double: {key[:8]}" for key in sorted(self.double)
        ]
        drift = [f"{self.drift_msat} msat do not add up"] if self.drift_msat else []
        return [*found, *drift, *self.broken, *self.payouts.complaints]


def check_books(
    books: Connection,
    settled: dict[str, int],
    *,
    forgotten: dict[str, int],
    payments: Iterable[SimulatedPayment] = (),
    is_final: bool,
) -> BooksCheck:
    """Compare the books with what LND reports of the invoices that readers were given (msat by payment hash).

    One whose row has vanished is lost. What LND has `forgotten` may have been credited before. A payment may wait for
    its credit until the end. `payments` are those that the node has made; what is credited and not paid out is owed.
    """
    credited = {str(key): int(msat) for key, msat in books.execute(_CREDITED)}
    known = forgotten | settled
    owed_msat = int(books.execute(_OWED).scalar_one())
    payouts = check_payouts(books, payments)
    broken = [finding.sentence for finding in audit(books) if finding.broken]
    broken += [f"credited without a payment: {key[:8]}" for key in sorted(credited) if key not in known]
    return BooksCheck(
        credited=len(credited),
        lost=frozenset(settled.keys() - credited.keys()) if is_final else frozenset(),
        double=frozenset(key for key, msat in credited.items() if msat > known.get(key, msat)),
        drift_msat=abs(sum(credited.values()) - sum(known.get(key, 0) for key in credited))
        + abs(owed_msat + payouts.spent_msat - sum(credited.values())),
        broken=tuple(broken),
        payouts=payouts,
    )
