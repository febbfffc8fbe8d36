"""LND: the client of a real node, and a simulated one that behaves like it, quirks included."""
