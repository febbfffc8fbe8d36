"""T13: payouts under kills of whatever takes part in them, simulated from seeds and on a real network."""
