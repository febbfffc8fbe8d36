"""Tests of the ledger and of retention."""
