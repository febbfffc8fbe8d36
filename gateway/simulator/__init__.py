"""A simulated LND node, quirks included: a pure `core`, a gRPC `server` on it, and the ports without gRPC."""
