"""The simulated node that pays: a pure `core`, its gRPC `server`, and the port without gRPC."""
