"""A simulated LND node, quirks included: a pure `core`, a gRPC `server` on it, and `in_process_node` without gRPC."""
