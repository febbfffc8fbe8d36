"""The double-entry ledger, lists of payments and balances, and how long records are kept."""
