"""Access to what was paid for: tokens and their checks, recovery codes, receipts, download links, key rotation."""
