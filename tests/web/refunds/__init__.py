"""Refunds as their payers meet them: what closes, how it is claimed, and the receipt page that offers it."""
