"""What the operator decides: how a payout ends, what was paid by hand, and when nothing is sent."""
