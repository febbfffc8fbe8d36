"""`python -m tools.days SEED…`: live through the days of these seeds and say what became of them."""

import argparse
import sys
import time

from tools.days.simulation import simulate


def main() -> None:
    """Exit status 1 when a day went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tools.days", description=__doc__)
    parser.add_argument("seeds", type=int, nargs="+", metavar="SEED")
    parser.add_argument("--journal", action="store_true", help="print everything that happened")
    arguments = parser.parse_args()
    complaints = 0
    for seed in arguments.seeds:
        started = time.perf_counter()
        outcome = simulate(seed)
        seconds = time.perf_counter() - started
        if arguments.journal:
            sys.stdout.write("\n".join(outcome.journal) + "\n")
        sys.stdout.write(
            f"{seed}: {outcome.payments} payments, {outcome.check.credited} credited, "
            f"{outcome.check.payouts.payouts} payouts, {outcome.kills} kills, "
            f"{outcome.restarts} restarts, {outcome.faults.total()} faults, {outcome.payments / seconds:.0f} payments/s"
            f", digest {outcome.digest[:16]}\n"
        )
        for complaint in outcome.complaints:
            sys.stdout.write(f"  {complaint}\n")
        complaints += len(outcome.complaints)
    sys.exit(complaints > 0)


if __name__ == "__main__":
    main()
