"""How much a payout may cost, how much "all" is, and what is too little to send."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.money import MSAT_PER_SAT, Msat, from_sat

LEAST_FEE_LIMIT_MSAT = Msat(MSAT_PER_SAT)
EXPECTED_FEE_MSAT = Msat(5 * MSAT_PER_SAT)
"""The expected fee to a destination that has not been paid yet."""
LEAST_FEES = 20
"""A payout is worth sending from so many times the expected fee on."""
FEES_AVERAGED = 5
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeLimits:
    """The most that a payment may cost: the smaller of a share (parts per million) of its amount and `most_msat`."""

    share_ppm: int
    most_msat: Msat

    def of(self, amount_msat: int) -> Msat:
        """The fee limit of an amount, at least 1 sat."""
        return Msat(max(LEAST_FEE_LIMIT_MSAT, min(amount_msat * self.share_ppm // _MILLION, self.most_msat)))

    def most_payable(self, balance_msat: int) -> Msat:
        """The most whole sat whose amount and fee limit fit into a balance; 0 if none do."""

        def cost(sat: int) -> int:
            return from_sat(sat) + self.of(from_sat(sat))

        return from_sat(
            max(0, bisect_right(range(max(0, balance_msat) // MSAT_PER_SAT + 1), balance_msat, key=cost) - 1)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """The most per payout, and within any 24 hours per ledger account and over all."""

    most_msat: Msat
    account_day_msat: Msat
    day_msat: Msat


def least_worth_sending(fees_msat: Sequence[int], *, minimum_msat: int = 0, host_minimum_msat: int = 0) -> Msat:
    """The least amount of a payout, by the creator's minimum, the host's, and the newest fees to the destination."""
    newest = fees_msat[:FEES_AVERAGED]
    expected_msat = -(-sum(newest) // len(newest)) if newest else EXPECTED_FEE_MSAT
    return Msat(max(LEAST_FEES * expected_msat, minimum_msat, host_minimum_msat))
