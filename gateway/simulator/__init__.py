"""A simulated LND node that behaves like a real one, quirks included."""
