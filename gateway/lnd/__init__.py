"""The client of a real LND node."""
