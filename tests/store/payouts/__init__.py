"""The tables of money that leaves, their constraints and their invariants, on either database."""
