"""A simulated LND node, quirks included: a pure `core`, a gRPC `server` on it, and `direct` without gRPC."""
