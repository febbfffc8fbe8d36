"""The ledger, and how long its records are kept."""
