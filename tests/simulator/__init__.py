"""The simulated LND."""
