"""Tests of access tokens, recovery codes, receipts and links."""
