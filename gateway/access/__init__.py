"""Who may open what: tokens, what they are tested against, recovery codes, receipts and links."""
