"""Settlements: LND's reports of payments, and the transaction that credits each of them once."""
