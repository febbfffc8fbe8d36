"""Receipts in a browser: their links, recovery codes, and what a payer keeps of them."""
